"""Replacing what a snapshot says by something of the same form, so that it can be given away.

shapes      which bytes of a text are replaced, and by what: digits by digits, small letters by small ones
disguise    texts, integers and scores, each by one that depends on it and on a secret
names       keys, which stay in their slots
values      values as on disk, whose layout stays as it is
"""
