"""Prefect flows over the steps of churnml: retries, progress and a record of runs; no arithmetic."""
