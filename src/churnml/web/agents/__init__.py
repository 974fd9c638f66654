"""``churnml mcp``: what an agent may ask, by the Model Context Protocol.

Everything a tool answers is quoted from the store, with the date, the models and the source; no tool changes anything.
Who asks sees what a person with the same rights sees in the cockpit.
"""
