"""The steps of training, scoring and running, as plain functions over an opened project.

``pipelines/`` strings them together and adds retries, progress and a record of runs; nothing here
knows Prefect, and nothing there does arithmetic.
"""
