"""Sources for the systems that many companies have: what their tables look like, and the SQL over them.

``<system>/system.yaml`` declares the tables and columns of a system as Fivetran and Airbyte land them and as the
system itself exports them; ``<system>/<contract table>.sql`` says once, over those, what the contract is made of.
"""
