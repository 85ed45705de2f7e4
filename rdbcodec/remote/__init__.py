"""Snapshots that lie elsewhere: URLs that are read and written, and what may be said of them.

`https://` needs no package; object stores come through fsspec (extras azure, s3, gcs, remote), page blobs
through azure-storage-blob. Nothing here knows what a snapshot is.
"""
