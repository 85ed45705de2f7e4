"""Servers that run: what is asked of them, and what they give, through redis-py (extra `live`).

`connect` reaches one and says what it is. A server's answer is somebody else's words: what a person reads
of it are words of ours, and never a password.
"""
