CREATE FUNCTION churnml_refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION '% on %: what is written there stays', TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TABLE assignments (
    account_id character varying NOT NULL,
    playbook character varying(60) NOT NULL,
    arm character varying(20) NOT NULL,
    propensity double precision NOT NULL,
    assigned_on date NOT NULL,
    value double precision,
    mrr double precision,
    scoring_id integer
);
CREATE TABLE audit_log (
    audit_id integer NOT NULL,
    at timestamp without time zone NOT NULL,
    who character varying NOT NULL,
    what character varying(60) NOT NULL,
    subject character varying NOT NULL,
    why text NOT NULL,
    details json NOT NULL
);
CREATE SEQUENCE audit_log_audit_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE audit_log_audit_id_seq OWNED BY audit_log.audit_id;
CREATE TABLE churnml_store_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE decisions (
    scoring_id integer NOT NULL,
    place integer NOT NULL,
    account_id character varying NOT NULL,
    playbook character varying(60) NOT NULL,
    reason character varying NOT NULL,
    outcome character varying(20) NOT NULL,
    title text NOT NULL,
    goal character varying(20) NOT NULL,
    steps json NOT NULL,
    owner character varying NOT NULL,
    due date,
    rule text NOT NULL,
    because json NOT NULL,
    facts json NOT NULL,
    value double precision,
    value_low double precision,
    value_high double precision,
    arm character varying(20),
    propensity double precision,
    work_id character varying,
    note text
);
CREATE TABLE declarations (
    fingerprint character varying(64) NOT NULL,
    kind character varying(60) NOT NULL,
    text text NOT NULL,
    first_seen_at timestamp without time zone NOT NULL
);
CREATE TABLE deliveries (
    delivery_id integer NOT NULL,
    receiver character varying NOT NULL,
    kind character varying(20) NOT NULL,
    key character varying NOT NULL,
    subject character varying NOT NULL,
    payload json NOT NULL,
    state character varying(20) NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamp without time zone NOT NULL,
    leased_until timestamp without time zone,
    last_error text,
    created_at timestamp without time zone NOT NULL,
    sent_at timestamp without time zone
);
CREATE SEQUENCE deliveries_delivery_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE deliveries_delivery_id_seq OWNED BY deliveries.delivery_id;
CREATE TABLE delivery_attempts (
    attempt_id integer NOT NULL,
    delivery_id integer NOT NULL,
    at timestamp without time zone NOT NULL,
    result character varying(20) NOT NULL,
    note text NOT NULL
);
CREATE SEQUENCE delivery_attempts_attempt_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE delivery_attempts_attempt_id_seq OWNED BY delivery_attempts.attempt_id;
CREATE TABLE effects (
    effect_id integer NOT NULL,
    playbook character varying(60) NOT NULL,
    known_through date NOT NULL,
    line json,
    sentence text NOT NULL,
    at timestamp without time zone NOT NULL
);
CREATE SEQUENCE effects_effect_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE effects_effect_id_seq OWNED BY effects.effect_id;
CREATE TABLE health_events (
    event_id integer NOT NULL,
    scoring_id integer NOT NULL,
    account_id character varying NOT NULL,
    kind character varying(60) NOT NULL,
    details json NOT NULL
);
CREATE SEQUENCE health_events_event_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE health_events_event_id_seq OWNED BY health_events.event_id;
CREATE TABLE outcomes (
    outcome_id integer NOT NULL,
    account_id character varying NOT NULL,
    playbook character varying(60) NOT NULL,
    known_through date NOT NULL,
    details json NOT NULL,
    at timestamp without time zone NOT NULL
);
CREATE SEQUENCE outcomes_outcome_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE outcomes_outcome_id_seq OWNED BY outcomes.outcome_id;
CREATE TABLE override_withdrawals (
    override_id character varying NOT NULL,
    withdrawn_on date NOT NULL,
    who character varying NOT NULL,
    why text NOT NULL,
    at timestamp without time zone NOT NULL
);
CREATE TABLE overrides (
    override_id character varying NOT NULL,
    account_id character varying NOT NULL,
    score double precision NOT NULL,
    author character varying NOT NULL,
    reason text NOT NULL,
    made_on date NOT NULL,
    expires_on date NOT NULL,
    at timestamp without time zone NOT NULL
);
CREATE TABLE scores (
    scoring_id integer NOT NULL,
    account_id character varying NOT NULL,
    owner_id character varying,
    segment character varying,
    mrr double precision,
    churn_probability double precision,
    upsell_probability double precision,
    health double precision,
    band character varying(60) NOT NULL,
    coverage double precision NOT NULL,
    dimensions json NOT NULL,
    reasons json NOT NULL,
    growth_reasons json NOT NULL,
    mrr_at_risk double precision,
    leave_within json,
    likely_period json,
    left_by json,
    raw_health double precision,
    scorecard character varying,
    stage character varying,
    exceptions json,
    override_id character varying,
    band_since date,
    pending character varying(60),
    pending_since date,
    health_inputs json,
    details json
);
CREATE TABLE scorings (
    scoring_id integer NOT NULL,
    as_of date NOT NULL,
    revision integer NOT NULL,
    fingerprint character varying(64) NOT NULL,
    models json NOT NULL,
    scored_at timestamp without time zone NOT NULL,
    data_fingerprint character varying(64),
    declarations json
);
CREATE SEQUENCE scorings_scoring_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE scorings_scoring_id_seq OWNED BY scorings.scoring_id;
CREATE TABLE stamps (
    name character varying(20) NOT NULL,
    stamp integer NOT NULL
);
CREATE TABLE work (
    work_id character varying NOT NULL,
    account_id character varying NOT NULL,
    playbook character varying(60) NOT NULL,
    reason character varying NOT NULL,
    owner character varying NOT NULL,
    state character varying(20) NOT NULL,
    opened_on date NOT NULL,
    due date NOT NULL,
    minutes integer NOT NULL,
    cost double precision NOT NULL,
    value double precision,
    snoozed_until date,
    escalated_on date,
    ended_on date,
    ended_because text,
    follows character varying,
    opened_for character varying NOT NULL,
    last_on date NOT NULL
);
CREATE TABLE work_events (
    event_id integer NOT NULL,
    work_id character varying NOT NULL,
    "on" date NOT NULL,
    what character varying(20) NOT NULL,
    who character varying NOT NULL,
    why text NOT NULL,
    details json NOT NULL,
    after json NOT NULL,
    at timestamp without time zone NOT NULL
);
CREATE SEQUENCE work_events_event_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE work_events_event_id_seq OWNED BY work_events.event_id;
ALTER TABLE ONLY audit_log ALTER COLUMN audit_id SET DEFAULT nextval('audit_log_audit_id_seq'::regclass);
ALTER TABLE ONLY deliveries ALTER COLUMN delivery_id SET DEFAULT nextval('deliveries_delivery_id_seq'::regclass);
ALTER TABLE ONLY delivery_attempts ALTER COLUMN attempt_id SET DEFAULT nextval('delivery_attempts_attempt_id_seq'::regclass);
ALTER TABLE ONLY effects ALTER COLUMN effect_id SET DEFAULT nextval('effects_effect_id_seq'::regclass);
ALTER TABLE ONLY health_events ALTER COLUMN event_id SET DEFAULT nextval('health_events_event_id_seq'::regclass);
ALTER TABLE ONLY outcomes ALTER COLUMN outcome_id SET DEFAULT nextval('outcomes_outcome_id_seq'::regclass);
ALTER TABLE ONLY scorings ALTER COLUMN scoring_id SET DEFAULT nextval('scorings_scoring_id_seq'::regclass);
ALTER TABLE ONLY work_events ALTER COLUMN event_id SET DEFAULT nextval('work_events_event_id_seq'::regclass);
INSERT INTO assignments VALUES ('a', 'rescue', 'treated', 0.9, '2024-03-01', 5, 100, 1);
INSERT INTO assignments VALUES ('Müller & Söhne; ''100 %''', 'rescue', 'treated', 0.9, '2024-03-08', 5, 100, 2);
INSERT INTO assignments VALUES ('b', 'rescue', 'holdout', 0.9, '2024-03-08', 5, 100, 2);
INSERT INTO audit_log VALUES (1, '2024-03-01 08:00:00', 'churnml', 'scored', '2024-03-01', 'scoring of 2024-03-01', '{"revision": 1, "fingerprint": "one", "models": {"churn": "3", "upsell": null}, "accounts": 1, "decisions": 1, "for_the_record": false}');
INSERT INTO audit_log VALUES (2, '2024-03-01 08:00:00', 'olga', 'override made', 'a', 'they renewed', '{"override_id": "o1", "score": 80.0, "made_on": "2024-03-01", "expires_on": "2024-03-31"}');
INSERT INTO audit_log VALUES (3, '2024-03-01 08:00:00', 'olga', 'override withdrawn', 'a', 'they did not', '{"override_id": "o1", "on": "2024-03-05"}');
INSERT INTO audit_log VALUES (4, '2024-03-08 08:00:00', 'churnml', 'scored', '2024-03-08', 'scoring of 2024-03-08', '{"revision": 1, "fingerprint": "two", "models": {"churn": "3", "upsell": null}, "accounts": 3, "decisions": 3, "for_the_record": false}');
INSERT INTO audit_log VALUES (5, '2024-03-09 08:00:00', 'churnml', 'scored', '2024-03-08', 'scoring of 2024-03-08', '{"revision": 2, "fingerprint": "three", "models": {"churn": "3", "upsell": null}, "accounts": 2, "decisions": 0, "for_the_record": false}');
INSERT INTO audit_log VALUES (6, '2024-03-09 08:00:00', 'olga', 'work snoozed', 'a', 'on holiday', '{"on": "2024-03-09", "work_id": "a/rescue/usage.active_days/2024-03-01", "seen": 1}');
INSERT INTO churnml_store_version VALUES ('2');
INSERT INTO decisions VALUES (1, 1, 'a', 'rescue', 'usage.active_days', 'opened', 'Call', 'keep', '["Call them", "Write it down"]', 'olga', '2024-03-08', 'band == ''at_risk''', '["band is at_risk"]', '{"band": "at_risk", "churn_lift": 2.5}', 5, 0, 9, 'treated', 0.9, 'a/rescue/usage.active_days/2024-03-01', NULL);
INSERT INTO decisions VALUES (2, 1, 'Müller & Söhne; ''100 %''', 'rescue', 'usage.active_days', 'opened', 'Call', 'keep', '["Call them", "Write it down"]', 'olga', '2024-03-15', 'band == ''at_risk''', '["band is at_risk"]', '{"band": "at_risk", "churn_lift": 2.5}', 5, 0, 9, 'treated', 0.9, 'Müller & Söhne; ''100 %''/rescue/usage.active_days/2024-03-08', NULL);
INSERT INTO decisions VALUES (2, 2, 'b', 'rescue', 'usage.active_days', 'holdout', 'Call', 'keep', '["Call them", "Write it down"]', 'olga', NULL, 'band == ''at_risk''', '["band is at_risk"]', '{"band": "at_risk", "churn_lift": 2.5}', 5, 0, 9, 'holdout', 0.9, NULL, NULL);
INSERT INTO decisions VALUES (2, 3, 'a', 'rescue', 'usage.active_days', 'kept', 'Call', 'keep', '["Call them", "Write it down"]', 'olga', '2024-03-08', 'band == ''at_risk''', '["band is at_risk"]', '{"band": "at_risk", "churn_lift": 2.5}', 5, 0, 9, 'treated', 0.9, 'a/rescue/usage.active_days/2024-03-01', NULL);
INSERT INTO declarations VALUES ('1be30d8253cc53854117cb73bc3d477ed10186ce2000bf9256071f60820b842c', 'health', 'bands: []', '2024-03-01 08:00:00');
INSERT INTO declarations VALUES ('fbd37669973d924b926d4f59e3d68af528943ec40f37c0167a681eceb4899485', 'health', 'bands: [1]', '2024-03-08 08:00:00');
INSERT INTO deliveries VALUES (1, 'crm', 'work', '1', 'a', '{"text": "hello"}', 'sent', 1, '2024-03-01 08:00:00', NULL, NULL, '2024-03-01 08:00:00', '2024-03-01 08:00:00');
INSERT INTO deliveries VALUES (3, 'crm', 'work', '3', 'Müller & Söhne; ''100 %''', '{"text": "hello"}', 'pending', 1, '2024-03-08 08:00:00', '2024-03-10 08:05:00', NULL, '2024-03-08 08:00:00', NULL);
INSERT INTO deliveries VALUES (4, 'crm', 'work', '4', 'a', '{"text": "hello"}', 'pending', 1, '2024-03-09 08:00:00', '2024-03-10 08:05:00', NULL, '2024-03-09 08:00:00', NULL);
INSERT INTO deliveries VALUES (2, 'crm', 'work', '2', 'b', '{"text": "hello"}', 'dead', 1, '2024-03-08 08:00:00', NULL, '503', '2024-03-08 08:00:00', NULL);
INSERT INTO delivery_attempts VALUES (1, 1, '2024-03-01 08:00:00', 'sent', '');
INSERT INTO delivery_attempts VALUES (2, 2, '2024-03-10 08:00:00', 'dead', '503');
INSERT INTO effects VALUES (1, 'rescue', '2024-03-01', '[0.0, 0.2]', 'it works', '2024-03-01 08:00:00');
INSERT INTO health_events VALUES (1, 1, 'a', 'band', '{"to": "at_risk", "because": [], "from": "healthy"}');
INSERT INTO health_events VALUES (2, 2, 'a', 'drop', '{"to": "55.0", "because": ["use fell"], "from": "90.0"}');
INSERT INTO outcomes VALUES (1, 'a', 'rescue', '2024-03-01', '{"churn_state": "counted", "left": 0.0, "kept": 1.0, "upsell_state": "unasked", "grew": null, "won": null}', '2024-03-01 08:00:00');
INSERT INTO override_withdrawals VALUES ('o1', '2024-03-05', 'olga', 'they did not', '2024-03-01 08:00:00');
INSERT INTO overrides VALUES ('o1', 'a', 80, 'olga', 'they renewed', '2024-03-01', '2024-03-31', '2024-03-01 08:00:00');
INSERT INTO scores VALUES (1, 'a', 'olga', 'smb', 100, 0.25, NULL, 40, 'at_risk', 1, '{"usage": 40.0, "support": null}', '[{"code": "usage.active_days", "feature": "active_days_28", "sentence": "Active on 2 days; usually 12.", "weight": 0.5}]', '[]', 25, NULL, NULL, NULL, NULL, NULL, NULL, '[]', NULL, NULL, NULL, NULL, NULL, '{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO scores VALUES (2, 'Müller & Söhne; ''100 %''', 'olga', 'smb', 100, 0.25, NULL, 40, 'at_risk', 1, '{"usage": 40.0, "support": null}', '[{"code": "usage.active_days", "feature": "active_days_28", "sentence": "Active on 2 days; usually 12.", "weight": 0.5}]', '[]', 25, NULL, NULL, NULL, NULL, NULL, NULL, '[]', NULL, NULL, NULL, NULL, NULL, '{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO scores VALUES (2, 'a', 'olga', 'smb', 100, 0.25, NULL, 55, 'neutral', 1, '{"usage": 40.0, "support": null}', '[{"code": "usage.active_days", "feature": "active_days_28", "sentence": "Active on 2 days; usually 12.", "weight": 0.5}]', '[]', 25, '{"30": 0.2}', '{"from": "2024-03-15", "to": "2024-03-21", "probability": 0.125}', '{"days": [7, 14], "left": [0.1, 0.2]}', NULL, NULL, NULL, '[]', NULL, '2024-03-08', NULL, NULL, NULL, '{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO scores VALUES (2, 'b', NULL, NULL, NULL, NULL, NULL, NULL, 'at_risk', 1, '{"usage": 40.0, "support": null}', '[]', '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', NULL, NULL, NULL, NULL, NULL, '{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO scores VALUES (3, 'a', 'olga', 'smb', 100, 0.25, NULL, 55, 'neutral', 1, '{"usage": 40.0, "support": null}', '[{"code": "usage.active_days", "feature": "active_days_28", "sentence": "Active on 2 days; usually 12.", "weight": 0.5}]', '[]', 25, '{"30": 0.2}', '{"from": "2024-03-15", "to": "2024-03-21", "probability": 0.125}', '{"days": [7, 14], "left": [0.1, 0.2]}', NULL, NULL, NULL, '[]', NULL, '2024-03-08', NULL, NULL, NULL, '{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO scores VALUES (3, 'b', NULL, NULL, NULL, NULL, NULL, NULL, 'at_risk', 1, '{"usage": 40.0, "support": null}', '[]', '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', NULL, NULL, NULL, NULL, NULL, '{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO scorings VALUES (1, '2024-03-01', 1, 'one', '{"churn": "3", "upsell": null}', '2024-03-01 08:00:00', NULL, '{"health": "1be30d8253cc53854117cb73bc3d477ed10186ce2000bf9256071f60820b842c"}');
INSERT INTO scorings VALUES (2, '2024-03-08', 1, 'two', '{"churn": "3", "upsell": null}', '2024-03-08 08:00:00', NULL, '{"health": "fbd37669973d924b926d4f59e3d68af528943ec40f37c0167a681eceb4899485"}');
INSERT INTO scorings VALUES (3, '2024-03-08', 2, 'three', '{"churn": "3", "upsell": null}', '2024-03-09 08:00:00', NULL, NULL);
INSERT INTO stamps VALUES ('plan', 7);
INSERT INTO work VALUES ('Müller & Söhne; ''100 %''/rescue/usage.active_days/2024-03-08', 'Müller & Söhne; ''100 %''', 'rescue', 'usage.active_days', 'olga', 'open', '2024-03-08', '2024-03-15', 60, 10, 5, NULL, NULL, NULL, NULL, NULL, 'olga', '2024-03-08');
INSERT INTO work VALUES ('a/rescue/usage.active_days/2024-03-01', 'a', 'rescue', 'usage.active_days', 'olga', 'snoozed', '2024-03-01', '2024-03-08', 60, 10, 5, '2024-03-20', NULL, NULL, NULL, NULL, 'olga', '2024-03-09');
INSERT INTO work_events VALUES (1, 'a/rescue/usage.active_days/2024-03-01', '2024-03-01', 'opened', 'churnml', 'the rule held', '{"seen": 1}', '{"work_id": "a/rescue/usage.active_days/2024-03-01", "account_id": "a", "playbook": "rescue", "reason": "usage.active_days", "owner": "olga", "state": "open", "opened_on": "2024-03-01", "due": "2024-03-08", "minutes": 60, "value": 5.0, "snoozed_until": null, "escalated_on": null, "ended_on": null, "ended_because": null, "cost": 10.0, "follows": null}', '2024-03-01 08:00:00');
INSERT INTO work_events VALUES (2, 'Müller & Söhne; ''100 %''/rescue/usage.active_days/2024-03-08', '2024-03-08', 'opened', 'churnml', 'the rule held', '{"seen": 1}', '{"work_id": "M\u00fcller & S\u00f6hne; ''100 %''/rescue/usage.active_days/2024-03-08", "account_id": "M\u00fcller & S\u00f6hne; ''100 %''", "playbook": "rescue", "reason": "usage.active_days", "owner": "olga", "state": "open", "opened_on": "2024-03-08", "due": "2024-03-15", "minutes": 60, "value": 5.0, "snoozed_until": null, "escalated_on": null, "ended_on": null, "ended_because": null, "cost": 10.0, "follows": null}', '2024-03-08 08:00:00');
INSERT INTO work_events VALUES (3, 'a/rescue/usage.active_days/2024-03-01', '2024-03-09', 'snoozed', 'olga', 'on holiday', '{"seen": 1}', '{"work_id": "a/rescue/usage.active_days/2024-03-01", "account_id": "a", "playbook": "rescue", "reason": "usage.active_days", "owner": "olga", "state": "snoozed", "opened_on": "2024-03-01", "due": "2024-03-08", "minutes": 60, "value": 5.0, "snoozed_until": "2024-03-20", "escalated_on": null, "ended_on": null, "ended_because": null, "cost": 10.0, "follows": null}', '2024-03-09 08:00:00');
SELECT pg_catalog.setval('audit_log_audit_id_seq', 6, true);
SELECT pg_catalog.setval('deliveries_delivery_id_seq', 4, true);
SELECT pg_catalog.setval('delivery_attempts_attempt_id_seq', 2, true);
SELECT pg_catalog.setval('effects_effect_id_seq', 1, true);
SELECT pg_catalog.setval('health_events_event_id_seq', 2, true);
SELECT pg_catalog.setval('outcomes_outcome_id_seq', 1, true);
SELECT pg_catalog.setval('scorings_scoring_id_seq', 3, true);
SELECT pg_catalog.setval('work_events_event_id_seq', 3, true);
ALTER TABLE ONLY assignments
    ADD CONSTRAINT assignments_pkey PRIMARY KEY (account_id, playbook);
ALTER TABLE ONLY audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (audit_id);
ALTER TABLE ONLY churnml_store_version
    ADD CONSTRAINT churnml_store_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (scoring_id, place);
ALTER TABLE ONLY declarations
    ADD CONSTRAINT declarations_pkey PRIMARY KEY (fingerprint);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (delivery_id);
ALTER TABLE ONLY delivery_attempts
    ADD CONSTRAINT delivery_attempts_pkey PRIMARY KEY (attempt_id);
ALTER TABLE ONLY effects
    ADD CONSTRAINT effects_pkey PRIMARY KEY (effect_id);
ALTER TABLE ONLY health_events
    ADD CONSTRAINT health_events_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY outcomes
    ADD CONSTRAINT outcomes_pkey PRIMARY KEY (outcome_id);
ALTER TABLE ONLY override_withdrawals
    ADD CONSTRAINT override_withdrawals_pkey PRIMARY KEY (override_id);
ALTER TABLE ONLY overrides
    ADD CONSTRAINT overrides_pkey PRIMARY KEY (override_id);
ALTER TABLE ONLY scores
    ADD CONSTRAINT scores_pkey PRIMARY KEY (scoring_id, account_id);
ALTER TABLE ONLY scorings
    ADD CONSTRAINT scorings_as_of_revision_key UNIQUE (as_of, revision);
ALTER TABLE ONLY scorings
    ADD CONSTRAINT scorings_pkey PRIMARY KEY (scoring_id);
ALTER TABLE ONLY stamps
    ADD CONSTRAINT stamps_pkey PRIMARY KEY (name);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT uq_deliveries_key UNIQUE (receiver, key);
ALTER TABLE ONLY work_events
    ADD CONSTRAINT work_events_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY work
    ADD CONSTRAINT work_pkey PRIMARY KEY (work_id);
CREATE INDEX ix_assignments_playbook ON assignments USING btree (playbook, assigned_on);
CREATE INDEX ix_audit_log_at ON audit_log USING btree (at);
CREATE INDEX ix_audit_log_subject ON audit_log USING btree (subject);
CREATE INDEX ix_decisions_account_id ON decisions USING btree (account_id, scoring_id);
CREATE INDEX ix_decisions_outcome ON decisions USING btree (scoring_id, outcome, owner);
CREATE INDEX ix_deliveries_due ON deliveries USING btree (state, next_attempt_at);
CREATE INDEX ix_deliveries_subject ON deliveries USING btree (receiver, kind, subject, delivery_id);
CREATE INDEX ix_delivery_attempts_delivery_id ON delivery_attempts USING btree (delivery_id);
CREATE INDEX ix_effects_playbook ON effects USING btree (playbook, known_through);
CREATE INDEX ix_health_events_account_id ON health_events USING btree (account_id);
CREATE INDEX ix_health_events_scoring_id ON health_events USING btree (scoring_id);
CREATE INDEX ix_outcomes_assignment ON outcomes USING btree (account_id, playbook, known_through);
CREATE INDEX ix_overrides_account_id ON overrides USING btree (account_id);
CREATE INDEX ix_overrides_expires_on ON overrides USING btree (expires_on);
CREATE INDEX ix_scores_account_id ON scores USING btree (account_id, scoring_id);
CREATE INDEX ix_work_account_id ON work USING btree (account_id);
CREATE INDEX ix_work_events_work_id ON work_events USING btree (work_id, "on");
CREATE INDEX ix_work_last_on ON work USING btree (last_on);
CREATE INDEX ix_work_opened_on ON work USING btree (opened_on);
CREATE INDEX ix_work_state ON work USING btree (state, ended_on);
CREATE UNIQUE INDEX uq_work_living ON work USING btree (account_id, playbook, reason) WHERE ((state)::text = ANY ((ARRAY['open'::character varying, 'snoozed'::character varying])::text[]));
CREATE TRIGGER assignments_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON assignments FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER audit_log_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER decisions_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON decisions FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER declarations_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON declarations FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER deliveries_stays BEFORE DELETE OR TRUNCATE ON deliveries FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER delivery_attempts_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON delivery_attempts FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER effects_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON effects FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER health_events_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON health_events FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER outcomes_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON outcomes FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER override_withdrawals_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON override_withdrawals FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER overrides_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON overrides FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER scores_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON scores FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER scorings_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON scorings FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER stamps_stays BEFORE DELETE OR TRUNCATE ON stamps FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER work_events_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON work_events FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
CREATE TRIGGER work_stays BEFORE DELETE OR TRUNCATE ON work FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse();
ALTER TABLE ONLY assignments
    ADD CONSTRAINT assignments_scoring_id_fkey FOREIGN KEY (scoring_id) REFERENCES scorings(scoring_id);
ALTER TABLE ONLY decisions
    ADD CONSTRAINT decisions_scoring_id_fkey FOREIGN KEY (scoring_id) REFERENCES scorings(scoring_id);
ALTER TABLE ONLY delivery_attempts
    ADD CONSTRAINT delivery_attempts_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES deliveries(delivery_id);
ALTER TABLE ONLY health_events
    ADD CONSTRAINT health_events_scoring_id_fkey FOREIGN KEY (scoring_id) REFERENCES scorings(scoring_id);
ALTER TABLE ONLY outcomes
    ADD CONSTRAINT outcomes_account_id_playbook_fkey FOREIGN KEY (account_id, playbook) REFERENCES assignments(account_id, playbook);
ALTER TABLE ONLY override_withdrawals
    ADD CONSTRAINT override_withdrawals_override_id_fkey FOREIGN KEY (override_id) REFERENCES overrides(override_id);
ALTER TABLE ONLY scores
    ADD CONSTRAINT scores_scoring_id_fkey FOREIGN KEY (scoring_id) REFERENCES scorings(scoring_id);
ALTER TABLE ONLY work_events
    ADD CONSTRAINT work_events_work_id_fkey FOREIGN KEY (work_id) REFERENCES work(work_id);
