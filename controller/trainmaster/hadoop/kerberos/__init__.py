"""Kerberos: who this process is, its tickets, and how it proves itself to Hadoop's servers, by the system's GSSAPI library.

The process has one identity, that of the library's environment, which hdfs-native reads too: what a person's `kinit` left, or
what the controller's keytab gives. Calls of the library may wait for the KDC, so they are made in threads. Never here: what is
asked of a server.
"""
