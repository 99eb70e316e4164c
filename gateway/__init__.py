"""REST `/v2` in the shapes of the Camunda 8 Orchestration Cluster API: requests to commands, answers to responses."""
