"""Apache Kafka as the log: topics, one transaction a group of steps, a ring of transactional ids a partition.

`log` is the port; `writer` (the ring), `client_appends`, `feed` and `pages` (reading) are what it is made of, over the
ports in `clients`; `producer` and `fetcher` carry those out with aiokafka, and they alone know its requests.
`connection`, `errors` and `topics` are what all of them need. `group` is about machines, not about records.
"""
