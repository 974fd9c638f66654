"""``churnml web``: the cockpit in a browser. Pages over the operational store, and what people do on them.

A request opens no table of the company's and computes no model: what is shown was written by a scoring. Who asks is
settled before anything is read (``people``), and every question to the store carries whose accounts may be seen.
"""
