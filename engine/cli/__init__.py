"""The command line `retold`: what a person types, over the REST API and the log.

Rule: nothing here decides anything; each module imports what is heavy inside of its commands, so that help is quick.
"""
