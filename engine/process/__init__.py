"""Process instances: what the engine does with BPMN. Pure. Imports core, records and bpmn; knows no batch operation."""
