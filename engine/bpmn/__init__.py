"""BPMN models as executable graphs. Pure: bytes in, graph or problems out; nothing runs here."""
