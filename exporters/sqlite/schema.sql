-- The embedded secondary storage. Keys are 64-bit integers, times are milliseconds since 1970 (UTC), NULL is "has none".
-- Rules: what a join or an index can tell is not stored twice (names of definitions and elements, open incidents);
-- an index on what changes is partial (what is alive is in it, what has ended leaves it); counts that a screen shows of
-- everything are kept, not counted; a batch operation is one row per partition.
-- Any change here needs another SCHEMA_VERSION in database.py: a file of another version is rebuilt from the log.

CREATE TABLE positions (
    partition_id INTEGER PRIMARY KEY,
    position     INTEGER NOT NULL,          -- of the last record that is in the tables
    next_offset  INTEGER NOT NULL,          -- where to go on reading `events`
    timestamp    INTEGER NOT NULL           -- machine time of that record's step
);

CREATE TABLE counts (                       -- for the status page: no scan
    partition_id INTEGER NOT NULL,
    name         TEXT NOT NULL,
    value        INTEGER NOT NULL,
    PRIMARY KEY (partition_id, name)
) WITHOUT ROWID;

CREATE TABLE definitions (                  -- the same row arrives from every partition
    key           INTEGER PRIMARY KEY,
    process_id    TEXT NOT NULL,
    version       INTEGER NOT NULL,
    version_tag   TEXT,
    name          TEXT,
    resource_name TEXT NOT NULL,
    resource      BLOB NOT NULL,
    deployment_key INTEGER NOT NULL,
    start_form_id TEXT
);
CREATE INDEX definitions_process ON definitions (process_id, version);

CREATE TABLE elements (
    definition_key INTEGER NOT NULL,
    element_id     TEXT NOT NULL,
    name           TEXT,
    PRIMARY KEY (definition_key, element_id)
) WITHOUT ROWID;

CREATE TABLE element_counts (               -- element instances by state; element_id '': the process instances themselves
    definition_key INTEGER NOT NULL,
    element_id     TEXT NOT NULL,
    partition_id   INTEGER NOT NULL,
    active         INTEGER NOT NULL,
    completed      INTEGER NOT NULL,
    terminated     INTEGER NOT NULL,
    PRIMARY KEY (definition_key, element_id, partition_id)
) WITHOUT ROWID;

CREATE TABLE variable_names (               -- of a definition, and how many variables have each
    definition_key INTEGER NOT NULL,
    name           TEXT NOT NULL,
    number         INTEGER NOT NULL,
    PRIMARY KEY (definition_key, name)
) WITHOUT ROWID;

CREATE TABLE process_instances (
    key                INTEGER PRIMARY KEY,
    definition_key     INTEGER NOT NULL,
    state              TEXT NOT NULL,
    start_date         INTEGER NOT NULL,
    end_date           INTEGER,
    parent_key         INTEGER,
    parent_element_key INTEGER,
    root_key           INTEGER NOT NULL,
    tags               TEXT,                -- JSON array; NULL when there are none
    business_id        TEXT,
    restarted_key      INTEGER              -- of the one that had ended and that this one restarts
);
CREATE INDEX process_instances_restarted ON process_instances (restarted_key) WHERE restarted_key IS NOT NULL;
CREATE INDEX process_instances_definition ON process_instances (definition_key, start_date);
CREATE INDEX process_instances_definition_active ON process_instances (definition_key, start_date) WHERE state = 'ACTIVE';
CREATE INDEX process_instances_start ON process_instances (start_date);
CREATE INDEX process_instances_start_active ON process_instances (start_date) WHERE state = 'ACTIVE';
CREATE INDEX process_instances_parent ON process_instances (parent_key) WHERE parent_key IS NOT NULL;
CREATE INDEX process_instances_business ON process_instances (business_id) WHERE business_id IS NOT NULL;

CREATE TABLE tags (                         -- process_instances.tags once more, to be found by
    tag                  TEXT NOT NULL,
    process_instance_key INTEGER NOT NULL,
    PRIMARY KEY (tag, process_instance_key)
) WITHOUT ROWID;

CREATE TABLE sequence_flows (               -- that were taken, once each
    process_instance_key INTEGER NOT NULL,
    element_id           TEXT NOT NULL,
    PRIMARY KEY (process_instance_key, element_id)
) WITHOUT ROWID;

CREATE TABLE element_instances (            -- without the process itself, as in Camunda 8
    key                  INTEGER PRIMARY KEY,
    process_instance_key INTEGER NOT NULL,
    definition_key       INTEGER NOT NULL,
    root_key             INTEGER NOT NULL,
    scope_key            INTEGER NOT NULL,
    element_id           TEXT NOT NULL,
    type                 TEXT NOT NULL,
    state                TEXT NOT NULL,
    start_date           INTEGER NOT NULL,
    end_date             INTEGER
);
CREATE INDEX element_instances_instance ON element_instances (process_instance_key);
CREATE INDEX element_instances_active ON element_instances (element_id, process_instance_key) WHERE state = 'ACTIVE';

CREATE TABLE variables (
    key                  INTEGER PRIMARY KEY,
    name                 TEXT NOT NULL,
    value                TEXT NOT NULL,     -- JSON text, whole
    scope_key            INTEGER NOT NULL,
    process_instance_key INTEGER NOT NULL,
    root_key             INTEGER NOT NULL,
    definition_key       INTEGER NOT NULL,
    initial              INTEGER NOT NULL   -- 1: the process instance began with it
);
CREATE TABLE initial_values (               -- of such variables that have changed since
    key   INTEGER PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE INDEX variables_instance ON variables (process_instance_key);
-- Long values: the beginning finds them, the whole value is compared.
CREATE INDEX variables_value ON variables (name, substr(value, 1, 32));

CREATE TABLE jobs (
    key                  INTEGER PRIMARY KEY,
    type                 TEXT NOT NULL,
    kind                 TEXT NOT NULL,
    state                TEXT NOT NULL,
    retries              INTEGER NOT NULL,
    priority             INTEGER NOT NULL,
    worker               TEXT NOT NULL,
    deadline             INTEGER NOT NULL,  -- -1: none
    custom_headers       TEXT NOT NULL,     -- JSON object, or empty
    error_code           TEXT NOT NULL,
    error_message        TEXT NOT NULL,
    process_instance_key INTEGER NOT NULL,
    definition_key       INTEGER NOT NULL,
    element_id           TEXT NOT NULL,
    element_instance_key INTEGER NOT NULL,
    root_key             INTEGER NOT NULL,
    creation_time        INTEGER NOT NULL,
    last_update_time     INTEGER NOT NULL,
    end_time             INTEGER
);
CREATE INDEX jobs_instance ON jobs (process_instance_key);
CREATE INDEX jobs_failed ON jobs (type) WHERE state = 'FAILED';

CREATE TABLE incidents (
    key                  INTEGER PRIMARY KEY,
    error_type           TEXT NOT NULL,
    error_message        TEXT NOT NULL,
    error_hash           INTEGER NOT NULL,  -- java.lang.String.hashCode of the message, as clients know it
    state                TEXT NOT NULL,
    creation_time        INTEGER NOT NULL,
    process_instance_key INTEGER NOT NULL,
    definition_key       INTEGER NOT NULL,
    element_id           TEXT NOT NULL,
    element_instance_key INTEGER NOT NULL,
    job_key              INTEGER,
    root_key             INTEGER NOT NULL
);
CREATE INDEX incidents_instance ON incidents (process_instance_key);
CREATE INDEX incidents_definition ON incidents (definition_key, creation_time);
CREATE INDEX incidents_active_definition
    ON incidents (definition_key, element_id, element_instance_key, process_instance_key) WHERE state = 'ACTIVE';
CREATE INDEX incidents_active_error
    ON incidents (error_hash, definition_key, process_instance_key) WHERE state = 'ACTIVE';
CREATE INDEX incidents_active_instance ON incidents (process_instance_key) WHERE state = 'ACTIVE';
CREATE INDEX incidents_active_element ON incidents (element_instance_key) WHERE state = 'ACTIVE';

CREATE TABLE user_tasks (
    key                  INTEGER PRIMARY KEY,
    state                TEXT NOT NULL,
    name                 TEXT,
    assignee             TEXT,
    candidate_groups     TEXT NOT NULL,     -- JSON array
    candidate_users      TEXT NOT NULL,     -- JSON array
    creation_date        INTEGER NOT NULL,
    completion_date      INTEGER,
    follow_up_date       INTEGER,
    due_date             INTEGER,
    priority             INTEGER NOT NULL,
    form_reference       TEXT,
    form_key             INTEGER,
    custom_headers       TEXT NOT NULL,     -- JSON object, or empty
    process_instance_key INTEGER NOT NULL,
    definition_key       INTEGER NOT NULL,
    element_id           TEXT NOT NULL,
    element_instance_key INTEGER NOT NULL,
    root_key             INTEGER NOT NULL
);
CREATE INDEX user_tasks_instance ON user_tasks (process_instance_key);
CREATE INDEX user_tasks_assignee ON user_tasks (assignee, state, due_date) WHERE assignee IS NOT NULL;
CREATE INDEX user_tasks_due ON user_tasks (due_date) WHERE state = 'CREATED';
CREATE INDEX user_tasks_created ON user_tasks (creation_date) WHERE state = 'CREATED';

CREATE TABLE candidates (                   -- of user tasks, once more, to be found by
    user_task_key INTEGER NOT NULL,
    kind          TEXT NOT NULL,            -- GROUP or USER
    name          TEXT NOT NULL,
    PRIMARY KEY (user_task_key, kind, name)
) WITHOUT ROWID;
CREATE INDEX candidates_name ON candidates (kind, name);

-- What active element instances wait for.
CREATE VIEW wait_states AS
SELECT key, element_instance_key, process_instance_key, root_key, definition_key, element_id, 'JOB' AS type,
       json_object('waitStateType', 'JOB', 'jobKey', cast(key AS TEXT), 'jobType', type, 'jobKind', kind,
                   'listenerEventType', NULL, 'retries', retries) AS details
FROM jobs WHERE end_time IS NULL
UNION ALL
SELECT key, element_instance_key, process_instance_key, root_key, definition_key, element_id, 'USER_TASK',
       json_object('waitStateType', 'USER_TASK', 'taskKey', cast(key AS TEXT),
                   'dueDate', strftime('%Y-%m-%dT%H:%M:%fZ', due_date / 1000.0, 'unixepoch'))
FROM user_tasks WHERE completion_date IS NULL;

CREATE TABLE forms (                        -- the same row arrives from every partition
    key     INTEGER PRIMARY KEY,
    form_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL                   -- the file
);
CREATE INDEX forms_form ON forms (form_id, version);

CREATE TABLE identities (                   -- users, groups, members, authorizations: all of partition 1
    key              INTEGER PRIMARY KEY,
    kind             TEXT NOT NULL,         -- USER, GROUP, GROUP_USER, GROUP_CLIENT, AUTHORIZATION, DELETED
    owner_type       TEXT,
    owner_id         TEXT,                  -- name of a user, id of a client or a group
    name             TEXT,
    email            TEXT,
    description      TEXT,
    password_hash    TEXT,
    group_id         TEXT,
    resource_type    TEXT,
    resource_id      TEXT,
    permission_types TEXT                   -- JSON array
);
CREATE INDEX identities_owner ON identities (kind, owner_id);
CREATE INDEX identities_group ON identities (group_id) WHERE group_id IS NOT NULL;

CREATE TABLE decision_requirements (        -- the same row arrives from every partition
    key             INTEGER PRIMARY KEY,
    requirements_id TEXT NOT NULL,
    version         INTEGER NOT NULL,
    name            TEXT NOT NULL,
    resource_name   TEXT NOT NULL,
    resource        BLOB NOT NULL,
    deployment_key  INTEGER NOT NULL
);

CREATE TABLE decision_definitions (         -- likewise
    key                  INTEGER PRIMARY KEY,
    decision_id          TEXT NOT NULL,
    version              INTEGER NOT NULL,
    version_tag          TEXT,
    name                 TEXT NOT NULL,
    requirements_key     INTEGER NOT NULL,
    requirements_id      TEXT NOT NULL,
    requirements_name    TEXT NOT NULL,
    requirements_version INTEGER NOT NULL
);
CREATE INDEX decision_definitions_decision ON decision_definitions (decision_id, version);

CREATE TABLE decision_instances (           -- one decision of an evaluation
    evaluation_key         INTEGER NOT NULL,
    number                 INTEGER NOT NULL, -- within the evaluation, from 1
    instance_key           TEXT NOT NULL,   -- both, as the API writes them
    state                  TEXT NOT NULL,
    evaluation_date        INTEGER NOT NULL,
    failure                TEXT,
    result                 TEXT NOT NULL,   -- JSON
    decision_key           INTEGER NOT NULL,
    decision_id            TEXT NOT NULL,
    decision_name          TEXT NOT NULL,
    decision_version       INTEGER NOT NULL,
    decision_type          TEXT NOT NULL,
    root_decision_key      INTEGER NOT NULL,
    requirements_key       INTEGER NOT NULL,
    process_definition_key INTEGER,
    process_instance_key   INTEGER,
    root_key               INTEGER,
    element_instance_key   INTEGER,
    business_id            TEXT,
    inputs                 TEXT NOT NULL,   -- JSON array
    rules                  TEXT NOT NULL,   -- JSON array
    PRIMARY KEY (evaluation_key, number)
);
CREATE UNIQUE INDEX decision_instances_key ON decision_instances (instance_key);
CREATE INDEX decision_instances_decision ON decision_instances (decision_key, evaluation_date);
CREATE INDEX decision_instances_date ON decision_instances (evaluation_date);
CREATE INDEX decision_instances_instance ON decision_instances (process_instance_key)
    WHERE process_instance_key IS NOT NULL;

CREATE TABLE message_subscriptions (
    key                  INTEGER PRIMARY KEY,
    type                 TEXT NOT NULL,
    state                TEXT NOT NULL,
    last_updated         INTEGER NOT NULL,
    message_name         TEXT NOT NULL,
    correlation_key      TEXT,
    process_id           TEXT NOT NULL,
    definition_key       INTEGER NOT NULL,
    process_instance_key INTEGER,
    root_key             INTEGER,
    element_id           TEXT NOT NULL,
    element_instance_key INTEGER
);
CREATE INDEX message_subscriptions_name ON message_subscriptions (message_name, correlation_key);
CREATE INDEX message_subscriptions_instance ON message_subscriptions (process_instance_key)
    WHERE process_instance_key IS NOT NULL;

CREATE TABLE message_correlations (         -- a message that an instance got, or that started one
    message_key          INTEGER NOT NULL,
    subscription_key     INTEGER NOT NULL,
    correlation_time     INTEGER NOT NULL,
    partition_id         INTEGER NOT NULL,
    message_name         TEXT NOT NULL,
    correlation_key      TEXT,
    process_id           TEXT NOT NULL,
    definition_key       INTEGER NOT NULL,
    process_instance_key INTEGER NOT NULL,
    root_key             INTEGER,
    element_id           TEXT NOT NULL,
    element_instance_key INTEGER,
    PRIMARY KEY (message_key, subscription_key)
);
CREATE INDEX message_correlations_name ON message_correlations (message_name, correlation_key);
CREATE INDEX message_correlations_instance ON message_correlations (process_instance_key);

CREATE TABLE batch_operation_partitions (   -- one partition's part; the document is made of all parts when it is read
    batch_operation_key INTEGER NOT NULL,
    partition_id        INTEGER NOT NULL,
    type                TEXT NOT NULL,
    actor_type          TEXT,
    actor_id            TEXT,
    creation_date       INTEGER NOT NULL,
    initialization_date INTEGER,
    suspended           INTEGER NOT NULL,
    held                TEXT,               -- JSON array: phases that are held; NULL for none
    total               INTEGER NOT NULL,   -- of the chunks; the outcomes are counted from the items' own events
    completed           INTEGER NOT NULL,
    failed              INTEGER NOT NULL,
    skipped             INTEGER NOT NULL,
    canceled            INTEGER NOT NULL,
    errors              TEXT NOT NULL,      -- JSON array: why this partition failed
    final_state         TEXT,               -- from here on: on the lead partition only, of the final event
    final_date          INTEGER,
    final_errors        TEXT,
    final_total         INTEGER NOT NULL,
    final_completed     INTEGER NOT NULL,
    final_failed        INTEGER NOT NULL,
    final_skipped       INTEGER NOT NULL,
    final_canceled      INTEGER NOT NULL,
    name                TEXT,               -- from here on: as its creator wished, of every partition
    labels              TEXT NOT NULL,      -- JSON array
    reason              TEXT,
    start_at            INTEGER,
    parent_key          INTEGER,
    rate                REAL NOT NULL,      -- items per second over all partitions, 0 for no limit
    slice_size          INTEGER NOT NULL,
    suspension_reason   TEXT,               -- why it suspended itself
    running_date        INTEGER,            -- since when the speed is measured, and what was done then
    running_done        INTEGER NOT NULL,
    outcome_date        INTEGER,            -- of the last item
    failures            TEXT NOT NULL,      -- JSON array, by kind
    log                 TEXT NOT NULL,      -- JSON array
    incidents           INTEGER NOT NULL,   -- items that wait for somebody
    pause_windows       TEXT NOT NULL,      -- JSON array of texts
    paused_until        INTEGER,            -- while a window of pause lasts
    deleted             INTEGER NOT NULL,   -- rows go when every part of the batch operation is deleted
    dry_run             INTEGER NOT NULL,
    undoable            INTEGER NOT NULL,   -- its items say what they replaced
    plan_key            INTEGER,            -- the dry run whose plan it commits
    approved_by         TEXT,               -- of a plan, on the lead partition
    yielding_since      INTEGER,            -- while it is slower for the sake of clients
    yield_pause         INTEGER NOT NULL,   -- between two slices then, ms
    silent              TEXT NOT NULL,      -- JSON array, on the lead partition: others that do not answer, since when
    silent_since        INTEGER,            -- the first of them
    undoes              INTEGER NOT NULL,   -- the batch operation parent_key
    keep_plan           INTEGER NOT NULL,
    max_failures        TEXT,               -- JSON object
    retry_policy        TEXT,               -- JSON object
    webhook             TEXT,
    partitions          INTEGER NOT NULL, -- that take part
    PRIMARY KEY (batch_operation_key, partition_id)
) WITHOUT ROWID;

-- Counts: the final event's are exact at once, the sums when every partition's projection has caught up; both only grow.
CREATE VIEW batch_operations AS
SELECT batch_operation_key AS key,
       max(type) AS type,
       max(actor_type) AS actor_type,
       max(actor_id) AS actor_id,
       min(initialization_date) AS start_date,
       max(final_date) AS end_date,
       CASE WHEN max(final_state) IS NOT NULL THEN max(final_state)
            WHEN max(suspended) THEN 'SUSPENDED'
            WHEN min(initialization_date) IS NOT NULL THEN 'ACTIVE'
            ELSE 'CREATED' END AS state,
       max(sum(total), sum(final_total)) AS total,
       max(sum(completed), sum(final_completed)) AS completed,
       max(sum(failed), sum(final_failed)) AS failed,
       max(sum(skipped), sum(final_skipped)) AS skipped,
       max(sum(canceled), sum(final_canceled)) AS canceled,
       json_group_array(json(errors)) AS errors,
       max(final_errors) AS final_errors,
       min(creation_date) AS creation_date,
       max(name) AS name,
       max(labels) AS labels,
       max(reason) AS reason,
       max(start_at) AS start_at,
       max(parent_key) AS parent_key,
       max(rate) AS rate,
       max(slice_size) AS slice_size,
       CASE WHEN max(final_state) IS NULL THEN max(suspension_reason) END AS suspension_reason,
       max(dry_run) AS dry_run,
       max(undoable) AS undoable,
       max(plan_key) AS plan_key,
       max(approved_by) AS approved_by,
       CASE WHEN max(final_state) IS NULL THEN coalesce(max(held), '[]') ELSE '[]' END AS held,
       sum(incidents) AS incidents,
       max(pause_windows) AS pause_windows,
       CASE WHEN max(final_state) IS NULL THEN max(paused_until) END AS paused_until,
       CASE WHEN max(final_state) IS NULL THEN min(yielding_since) END AS yielding_since,
       min(silent_since) AS silent_since,
       max(undoes) AS undoes,
       max(keep_plan) AS keep_plan,
       max(max_failures) AS max_failures,
       max(retry_policy) AS retry_policy,
       max(webhook) AS webhook
FROM batch_operation_partitions
GROUP BY batch_operation_key
HAVING NOT max(deleted);

CREATE TABLE batch_items (
    batch_operation_key  INTEGER NOT NULL,
    item_key             INTEGER NOT NULL,
    process_instance_key INTEGER NOT NULL,
    root_key             INTEGER NOT NULL,
    state                TEXT NOT NULL,
    processed_date       INTEGER,
    error_message        TEXT,
    position             INTEGER NOT NULL,  -- of the record that says so
    prediction           TEXT,              -- what would happen, of an item of a dry run
    incident_key         INTEGER,           -- while it waits for somebody
    unchanged            INTEGER NOT NULL,  -- COMPLETED, but it was so already
    partition_id         INTEGER NOT NULL,  -- that found it: not that of its key if there is none of that
    replaced             TEXT,              -- what it replaced, of one that can be undone
    replaced_size        INTEGER NOT NULL,  -- bytes of that, -1: too large to be kept
    PRIMARY KEY (batch_operation_key, item_key)
) WITHOUT ROWID;
CREATE INDEX batch_items_instance ON batch_items (process_instance_key);
