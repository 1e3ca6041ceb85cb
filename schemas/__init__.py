"""The published language: what crosses from one participant of the network to another.

values     identifiers and levels, with their checks
messages   one model a message, and which of them who may write
refusals   why a login can end without an assertion
topics     every topic: its owner, writer, readers, key, retention
directory  who takes part, in which role, with which public keys and services
jose       ES256 signatures, of one message or of several, and ECDH-ES encryption: nothing else
codec      a message to the bytes of a Kafka record, and back, trusting nothing

It imports none of the other packages.
"""
