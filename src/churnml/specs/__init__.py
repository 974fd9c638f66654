"""models/*.yaml and project.yaml, read into frozen typed objects that forbid unknown keys.

What the business may change stands in these files; what they may say is declared here, a module a file.
"""
