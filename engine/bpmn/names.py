"""The names of BPMN and of Zeebe's extensions, sorted by what becomes of them.

Owns which elements are executed, which are read without effect, and which are refused under what name. A name in no
table is refused as unknown. Data only. Sources: BPMN 2.0.2 (formal/2013-12-09), Camunda 8 "BPMN coverage",
zeebe-bpmn-moddle.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import model

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
ZEEBE = "http://camunda.org/schema/zeebe/1.0"

#: Flow nodes that are executed, and the type each becomes.
FLOW_NODES: Mapping[str, str] = {
    "startEvent": model.START_EVENT,
    "endEvent": model.END_EVENT,
    "boundaryEvent": model.BOUNDARY_EVENT,
    "intermediateCatchEvent": model.INTERMEDIATE_CATCH_EVENT,
    "intermediateThrowEvent": model.INTERMEDIATE_THROW_EVENT,
    "serviceTask": model.SERVICE_TASK,
    "sendTask": model.SEND_TASK,
    "receiveTask": model.RECEIVE_TASK,
    "businessRuleTask": model.BUSINESS_RULE_TASK,
    "scriptTask": model.SCRIPT_TASK,
    "userTask": model.USER_TASK,
    "callActivity": model.CALL_ACTIVITY,
    "manualTask": model.MANUAL_TASK,
    "task": model.TASK,
    "exclusiveGateway": model.EXCLUSIVE_GATEWAY,
    "inclusiveGateway": model.INCLUSIVE_GATEWAY,
    "parallelGateway": model.PARALLEL_GATEWAY,
    "eventBasedGateway": model.EVENT_BASED_GATEWAY,
    "subProcess": model.SUB_PROCESS,
    "adHocSubProcess": model.AD_HOC_SUB_PROCESS,
}

#: Flow nodes that are refused, and what they are called. Containers are still looked into for further problems.
FLOW_NODES_REFUSED: Mapping[str, str] = {
    "complexGateway": "a complex gateway",
    "transaction": "a transaction sub-process",
    "implicitThrowEvent": "an implicit throw event",
    "choreographyTask": "a choreography task",
    "subChoreography": "a sub-choreography",
    "callChoreography": "a call choreography",
}
CONTAINERS = frozenset({"subProcess", "adHocSubProcess", "transaction"})

ACTIVITIES = frozenset(
    {
        model.SERVICE_TASK,
        model.SEND_TASK,
        model.RECEIVE_TASK,
        model.BUSINESS_RULE_TASK,
        model.SCRIPT_TASK,
        model.USER_TASK,
        model.MANUAL_TASK,
        model.TASK,
        model.SUB_PROCESS,
        model.AD_HOC_SUB_PROCESS,
        model.CALL_ACTIVITY,
    }
)
EVENTS_WITHOUT_INPUTS = frozenset({model.START_EVENT, model.BOUNDARY_EVENT})
EVENTS = frozenset(
    {
        model.START_EVENT,
        model.END_EVENT,
        model.BOUNDARY_EVENT,
        model.INTERMEDIATE_CATCH_EVENT,
        model.INTERMEDIATE_THROW_EVENT,
    }
)
#: Gateways whose outgoing flows have conditions.
DECIDING_GATEWAYS = (model.EXCLUSIVE_GATEWAY, model.INCLUSIVE_GATEWAY)
JOB_TASKS = frozenset({model.SERVICE_TASK, model.SEND_TASK, model.BUSINESS_RULE_TASK, model.SCRIPT_TASK})

#: Event definitions, and what an event with one is called.
EVENT_DEFINITIONS: Mapping[str, str] = {
    "errorEventDefinition": "an error",
    "terminateEventDefinition": "a terminate",
    "timerEventDefinition": "a timer",
    "messageEventDefinition": "a message",
    "signalEventDefinition": "a signal",
    "escalationEventDefinition": "an escalation",
    "compensateEventDefinition": "a compensation",
    "conditionalEventDefinition": "a conditional",
    "linkEventDefinition": "a link",
    "cancelEventDefinition": "a cancel",
    "eventDefinition": "an unspecified",
    "eventDefinitionRef": "a referenced",
}

#: Event definitions that are executed, by the type of event; start events of event sub-processes under their type.
EVENT_DEFINITIONS_EXECUTED: Mapping[str, frozenset[str]] = {
    model.START_EVENT: frozenset({"timerEventDefinition", "messageEventDefinition", "signalEventDefinition"}),
    model.EVENT_SUB_PROCESS: frozenset(
        {
            "messageEventDefinition",
            "errorEventDefinition",
            "timerEventDefinition",
            "escalationEventDefinition",
            "signalEventDefinition",
        }
    ),
    model.END_EVENT: frozenset(
        {
            "messageEventDefinition",
            "errorEventDefinition",
            "terminateEventDefinition",
            "escalationEventDefinition",
            "signalEventDefinition",
            "compensateEventDefinition",
        }
    ),
    model.BOUNDARY_EVENT: frozenset(
        {
            "messageEventDefinition",
            "errorEventDefinition",
            "timerEventDefinition",
            "escalationEventDefinition",
            "signalEventDefinition",
            "compensateEventDefinition",
        }
    ),
    model.INTERMEDIATE_CATCH_EVENT: frozenset(
        {"messageEventDefinition", "timerEventDefinition", "linkEventDefinition", "signalEventDefinition"}
    ),
    model.INTERMEDIATE_THROW_EVENT: frozenset(
        {
            "messageEventDefinition",
            "escalationEventDefinition",
            "linkEventDefinition",
            "signalEventDefinition",
            "compensateEventDefinition",
        }
    ),
}

#: The marker of an activity that is done once for each item of a list.
MULTI_INSTANCE = "multiInstanceLoopCharacteristics"

#: Children of activities that are refused.
MARKERS_REFUSED: Mapping[str, str] = {
    "standardLoopCharacteristics": "loop marker",
    "loopCharacteristics": "loop marker",
}

#: Children of activities that say how often they are done.
MARKERS = frozenset({MULTI_INSTANCE, *MARKERS_REFUSED})

#: Read without effect anywhere.
ANNOTATIONS = frozenset({"documentation", "extensionElements", "text", "incoming", "outgoing"})

#: Read without effect inside a process or sub-process.
SCOPE_CHILDREN_IGNORED = ANNOTATIONS | {
    "laneSet",
    "textAnnotation",
    "group",
    "association",
    "artifact",
    "dataObject",
    "dataObjectReference",
    "dataStoreReference",
    "property",
    "ioSpecification",
    "ioBinding",
    "supportedInterfaceRef",
    "supports",
    "auditing",
    "monitoring",
    "correlationSubscription",
    "resourceRole",
    "performer",
    "humanPerformer",
    "potentialOwner",
    "dataInputAssociation",
    "dataOutputAssociation",
    "categoryValueRef",
}

#: Read without effect inside other flow nodes and flows.
NODE_CHILDREN_IGNORED = ANNOTATIONS | {
    "categoryValueRef",
    "auditing",
    "monitoring",
    "ioSpecification",
    "property",
    "dataInput",
    "dataOutput",
    "inputSet",
    "outputSet",
    "dataInputAssociation",
    "dataOutputAssociation",
    "resourceRole",
    "performer",
    "humanPerformer",
    "potentialOwner",
    "rendering",
    "script",
}

#: Children of the file's root that have no effect unless an executed element refers to them.
ROOT_CHILDREN_IGNORED = ANNOTATIONS | {
    "collaboration",
    "conversation",
    "globalConversation",
    "choreography",
    "globalChoreographyTask",
    "category",
    "correlationProperty",
    "dataStore",
    "endPoint",
    "error",
    "escalation",
    "message",
    "signal",
    "itemDefinition",
    "interface",
    "partnerEntity",
    "partnerRole",
    "resource",
    "import",
    "extension",
    "relationship",
    "globalTask",
    "globalBusinessRuleTask",
    "globalManualTask",
    "globalScriptTask",
    "globalUserTask",
    "timerEventDefinition",
    "messageEventDefinition",
    "signalEventDefinition",
    "escalationEventDefinition",
    "errorEventDefinition",
    "compensateEventDefinition",
    "conditionalEventDefinition",
    "linkEventDefinition",
    "cancelEventDefinition",
    "terminateEventDefinition",
}

#: Zeebe extension elements with an effect, and the types of element that they may be on.
EXTENSIONS: Mapping[str, frozenset[str]] = {
    "ioMapping": ACTIVITIES | EVENTS,
    # without effect on a user task, where modelers leave it
    "taskDefinition": JOB_TASKS
    | {model.AD_HOC_SUB_PROCESS, model.USER_TASK, model.END_EVENT, model.INTERMEDIATE_THROW_EVENT},
    "taskHeaders": JOB_TASKS
    | {model.AD_HOC_SUB_PROCESS, model.USER_TASK, model.END_EVENT, model.INTERMEDIATE_THROW_EVENT},
    # on a process: of all its jobs that say nothing else
    "jobPriorityDefinition": JOB_TASKS | {model.PROCESS},
    "adHoc": frozenset({model.AD_HOC_SUB_PROCESS}),
    "subscription": frozenset(),
    "script": frozenset({model.SCRIPT_TASK}),
    "calledDecision": frozenset({model.BUSINESS_RULE_TASK}),
    "calledElement": frozenset({model.CALL_ACTIVITY}),
    "loopCharacteristics": frozenset({model.MULTI_INSTANCE_BODY}),
    "userTask": frozenset({model.USER_TASK}),
    "assignmentDefinition": frozenset({model.USER_TASK}),
    "taskSchedule": frozenset({model.USER_TASK}),
    "priorityDefinition": frozenset({model.USER_TASK}),
    "formDefinition": frozenset({model.USER_TASK, model.START_EVENT}),
    "versionTag": frozenset({model.PROCESS}),
}

#: Zeebe extension elements that nothing here depends on: for tools and for people.
EXTENSIONS_IGNORED = frozenset({"properties", "userTaskForm"})

#: Zeebe extension elements that change the execution in a way that is not supported.
EXTENSIONS_REFUSED: Mapping[str, str] = {
    "executionListeners": "execution listeners",
    "taskListeners": "task listeners",
    "linkedResources": "linked resources",
    "agentDefinition": "agent definition",
    "publishMessage": "message to publish",
    "conditionalFilter": "conditional filter",
}
