BEGIN TRANSACTION;
CREATE TABLE assignments (
	account_id VARCHAR NOT NULL, 
	playbook VARCHAR(60) NOT NULL, 
	arm VARCHAR(20) NOT NULL, 
	propensity FLOAT NOT NULL, 
	assigned_on DATE NOT NULL, 
	value FLOAT, 
	mrr FLOAT, 
	scoring_id INTEGER, 
	PRIMARY KEY (account_id, playbook), 
	FOREIGN KEY(scoring_id) REFERENCES scorings (scoring_id)
);
INSERT INTO "assignments" VALUES('a','rescue','treated',0.9,'2024-03-01',5.0,100.0,1);
INSERT INTO "assignments" VALUES('Müller & Söhne; ''100 %''','rescue','treated',0.9,'2024-03-08',5.0,100.0,2);
INSERT INTO "assignments" VALUES('b','rescue','holdout',0.9,'2024-03-08',5.0,100.0,2);
CREATE TABLE audit_log (
	audit_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	who VARCHAR NOT NULL, 
	what VARCHAR(60) NOT NULL, 
	subject VARCHAR NOT NULL, 
	why TEXT NOT NULL, 
	details JSON NOT NULL, 
	PRIMARY KEY (audit_id)
);
INSERT INTO "audit_log" VALUES(1,'2024-03-01 08:00:00.000000','churnml','scored','2024-03-01','scoring of 2024-03-01','{"revision": 1, "fingerprint": "one", "models": {"churn": "3", "upsell": null}, "accounts": 1, "decisions": 1, "for_the_record": false}');
INSERT INTO "audit_log" VALUES(2,'2024-03-01 08:00:00.000000','olga','override made','a','they renewed','{"override_id": "o1", "score": 80.0, "made_on": "2024-03-01", "expires_on": "2024-03-31"}');
INSERT INTO "audit_log" VALUES(3,'2024-03-01 08:00:00.000000','olga','override withdrawn','a','they did not','{"override_id": "o1", "on": "2024-03-05"}');
INSERT INTO "audit_log" VALUES(4,'2024-03-08 08:00:00.000000','churnml','scored','2024-03-08','scoring of 2024-03-08','{"revision": 1, "fingerprint": "two", "models": {"churn": "3", "upsell": null}, "accounts": 3, "decisions": 3, "for_the_record": false}');
INSERT INTO "audit_log" VALUES(5,'2024-03-09 08:00:00.000000','churnml','scored','2024-03-08','scoring of 2024-03-08','{"revision": 2, "fingerprint": "three", "models": {"churn": "3", "upsell": null}, "accounts": 2, "decisions": 0, "for_the_record": false}');
INSERT INTO "audit_log" VALUES(6,'2024-03-09 08:00:00.000000','olga','work snoozed','a','on holiday','{"on": "2024-03-09", "work_id": "a/rescue/usage.active_days/2024-03-01", "seen": 1}');
CREATE TABLE churnml_store_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT churnml_store_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "churnml_store_version" VALUES('2');
CREATE TABLE decisions (
	scoring_id INTEGER NOT NULL, 
	place INTEGER NOT NULL, 
	account_id VARCHAR NOT NULL, 
	playbook VARCHAR(60) NOT NULL, 
	reason VARCHAR NOT NULL, 
	outcome VARCHAR(20) NOT NULL, 
	title TEXT NOT NULL, 
	goal VARCHAR(20) NOT NULL, 
	steps JSON NOT NULL, 
	owner VARCHAR NOT NULL, 
	due DATE, 
	rule TEXT NOT NULL, 
	because JSON NOT NULL, 
	facts JSON NOT NULL, 
	value FLOAT, 
	value_low FLOAT, 
	value_high FLOAT, 
	arm VARCHAR(20), 
	propensity FLOAT, 
	work_id VARCHAR, 
	note TEXT, 
	PRIMARY KEY (scoring_id, place), 
	FOREIGN KEY(scoring_id) REFERENCES scorings (scoring_id)
);
INSERT INTO "decisions" VALUES(1,1,'a','rescue','usage.active_days','opened','Call','keep','["Call them", "Write it down"]','olga','2024-03-08','band == ''at_risk''','["band is at_risk"]','{"band": "at_risk", "churn_lift": 2.5}',5.0,0.0,9.0,'treated',0.9,'a/rescue/usage.active_days/2024-03-01',NULL);
INSERT INTO "decisions" VALUES(2,1,'Müller & Söhne; ''100 %''','rescue','usage.active_days','opened','Call','keep','["Call them", "Write it down"]','olga','2024-03-15','band == ''at_risk''','["band is at_risk"]','{"band": "at_risk", "churn_lift": 2.5}',5.0,0.0,9.0,'treated',0.9,'Müller & Söhne; ''100 %''/rescue/usage.active_days/2024-03-08',NULL);
INSERT INTO "decisions" VALUES(2,2,'b','rescue','usage.active_days','holdout','Call','keep','["Call them", "Write it down"]','olga',NULL,'band == ''at_risk''','["band is at_risk"]','{"band": "at_risk", "churn_lift": 2.5}',5.0,0.0,9.0,'holdout',0.9,NULL,NULL);
INSERT INTO "decisions" VALUES(2,3,'a','rescue','usage.active_days','kept','Call','keep','["Call them", "Write it down"]','olga','2024-03-08','band == ''at_risk''','["band is at_risk"]','{"band": "at_risk", "churn_lift": 2.5}',5.0,0.0,9.0,'treated',0.9,'a/rescue/usage.active_days/2024-03-01',NULL);
CREATE TABLE declarations (
	fingerprint VARCHAR(64) NOT NULL, 
	kind VARCHAR(60) NOT NULL, 
	text TEXT NOT NULL, 
	first_seen_at DATETIME NOT NULL, 
	PRIMARY KEY (fingerprint)
);
INSERT INTO "declarations" VALUES('1be30d8253cc53854117cb73bc3d477ed10186ce2000bf9256071f60820b842c','health','bands: []','2024-03-01 08:00:00.000000');
INSERT INTO "declarations" VALUES('fbd37669973d924b926d4f59e3d68af528943ec40f37c0167a681eceb4899485','health','bands: [1]','2024-03-08 08:00:00.000000');
CREATE TABLE deliveries (
	delivery_id INTEGER NOT NULL, 
	receiver VARCHAR NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	"key" VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	payload JSON NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_attempt_at DATETIME NOT NULL, 
	leased_until DATETIME, 
	last_error TEXT, 
	created_at DATETIME NOT NULL, 
	sent_at DATETIME, 
	PRIMARY KEY (delivery_id), 
	CONSTRAINT uq_deliveries_key UNIQUE (receiver, "key")
);
INSERT INTO "deliveries" VALUES(1,'crm','work','1','a','{"text": "hello"}','sent',1,'2024-03-01 08:00:00.000000',NULL,NULL,'2024-03-01 08:00:00.000000','2024-03-01 08:00:00.000000');
INSERT INTO "deliveries" VALUES(2,'crm','work','2','b','{"text": "hello"}','dead',1,'2024-03-08 08:00:00.000000',NULL,'503','2024-03-08 08:00:00.000000',NULL);
INSERT INTO "deliveries" VALUES(3,'crm','work','3','Müller & Söhne; ''100 %''','{"text": "hello"}','pending',1,'2024-03-08 08:00:00.000000','2024-03-10 08:05:00.000000',NULL,'2024-03-08 08:00:00.000000',NULL);
INSERT INTO "deliveries" VALUES(4,'crm','work','4','a','{"text": "hello"}','pending',1,'2024-03-09 08:00:00.000000','2024-03-10 08:05:00.000000',NULL,'2024-03-09 08:00:00.000000',NULL);
CREATE TABLE delivery_attempts (
	attempt_id INTEGER NOT NULL, 
	delivery_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	result VARCHAR(20) NOT NULL, 
	note TEXT NOT NULL, 
	PRIMARY KEY (attempt_id), 
	FOREIGN KEY(delivery_id) REFERENCES deliveries (delivery_id)
);
INSERT INTO "delivery_attempts" VALUES(1,1,'2024-03-01 08:00:00.000000','sent','');
INSERT INTO "delivery_attempts" VALUES(2,2,'2024-03-10 08:00:00.000000','dead','503');
CREATE TABLE effects (
	effect_id INTEGER NOT NULL, 
	playbook VARCHAR(60) NOT NULL, 
	known_through DATE NOT NULL, 
	line JSON, 
	sentence TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (effect_id)
);
INSERT INTO "effects" VALUES(1,'rescue','2024-03-01','[0.0, 0.2]','it works','2024-03-01 08:00:00.000000');
CREATE TABLE health_events (
	event_id INTEGER NOT NULL, 
	scoring_id INTEGER NOT NULL, 
	account_id VARCHAR NOT NULL, 
	kind VARCHAR(60) NOT NULL, 
	details JSON NOT NULL, 
	PRIMARY KEY (event_id), 
	FOREIGN KEY(scoring_id) REFERENCES scorings (scoring_id)
);
INSERT INTO "health_events" VALUES(1,1,'a','band','{"to": "at_risk", "because": [], "from": "healthy"}');
INSERT INTO "health_events" VALUES(2,2,'a','drop','{"to": "55.0", "because": ["use fell"], "from": "90.0"}');
CREATE TABLE outcomes (
	outcome_id INTEGER NOT NULL, 
	account_id VARCHAR NOT NULL, 
	playbook VARCHAR(60) NOT NULL, 
	known_through DATE NOT NULL, 
	details JSON NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (outcome_id), 
	FOREIGN KEY(account_id, playbook) REFERENCES assignments (account_id, playbook)
);
INSERT INTO "outcomes" VALUES(1,'a','rescue','2024-03-01','{"churn_state": "counted", "left": 0.0, "kept": 1.0, "upsell_state": "unasked", "grew": null, "won": null}','2024-03-01 08:00:00.000000');
CREATE TABLE override_withdrawals (
	override_id VARCHAR NOT NULL, 
	withdrawn_on DATE NOT NULL, 
	who VARCHAR NOT NULL, 
	why TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (override_id), 
	FOREIGN KEY(override_id) REFERENCES overrides (override_id)
);
INSERT INTO "override_withdrawals" VALUES('o1','2024-03-05','olga','they did not','2024-03-01 08:00:00.000000');
CREATE TABLE overrides (
	override_id VARCHAR NOT NULL, 
	account_id VARCHAR NOT NULL, 
	score FLOAT NOT NULL, 
	author VARCHAR NOT NULL, 
	reason TEXT NOT NULL, 
	made_on DATE NOT NULL, 
	expires_on DATE NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (override_id)
);
INSERT INTO "overrides" VALUES('o1','a',80.0,'olga','they renewed','2024-03-01','2024-03-31','2024-03-01 08:00:00.000000');
CREATE TABLE scores (
	scoring_id INTEGER NOT NULL, 
	account_id VARCHAR NOT NULL, 
	owner_id VARCHAR, 
	segment VARCHAR, 
	mrr FLOAT, 
	churn_probability FLOAT, 
	upsell_probability FLOAT, 
	health FLOAT, 
	band VARCHAR(60) NOT NULL, 
	coverage FLOAT NOT NULL, 
	dimensions JSON NOT NULL, 
	reasons JSON NOT NULL, 
	growth_reasons JSON NOT NULL, 
	mrr_at_risk FLOAT, 
	leave_within JSON, 
	likely_period JSON, 
	left_by JSON, 
	raw_health FLOAT, 
	scorecard VARCHAR, 
	stage VARCHAR, 
	exceptions JSON, 
	override_id VARCHAR, 
	band_since DATE, 
	pending VARCHAR(60), 
	pending_since DATE, 
	health_inputs JSON, 
	details JSON, 
	PRIMARY KEY (scoring_id, account_id), 
	FOREIGN KEY(scoring_id) REFERENCES scorings (scoring_id)
);
INSERT INTO "scores" VALUES(1,'a','olga','smb',100.0,0.25,NULL,40.0,'at_risk',1.0,'{"usage": 40.0, "support": null}','[{"code": "usage.active_days", "feature": "active_days_28", "sentence": "Active on 2 days; usually 12.", "weight": 0.5}]','[]',25.0,NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,NULL,NULL,NULL,NULL,'{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO "scores" VALUES(2,'Müller & Söhne; ''100 %''','olga','smb',100.0,0.25,NULL,40.0,'at_risk',1.0,'{"usage": 40.0, "support": null}','[{"code": "usage.active_days", "feature": "active_days_28", "sentence": "Active on 2 days; usually 12.", "weight": 0.5}]','[]',25.0,NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,NULL,NULL,NULL,NULL,'{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO "scores" VALUES(2,'a','olga','smb',100.0,0.25,NULL,55.0,'neutral',1.0,'{"usage": 40.0, "support": null}','[{"code": "usage.active_days", "feature": "active_days_28", "sentence": "Active on 2 days; usually 12.", "weight": 0.5}]','[]',25.0,'{"30": 0.2}','{"from": "2024-03-15", "to": "2024-03-21", "probability": 0.125}','{"days": [7, 14], "left": [0.1, 0.2]}',NULL,NULL,NULL,'[]',NULL,'2024-03-08',NULL,NULL,NULL,'{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO "scores" VALUES(2,'b',NULL,NULL,NULL,NULL,NULL,NULL,'at_risk',1.0,'{"usage": 40.0, "support": null}','[]','[]',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,NULL,NULL,NULL,NULL,'{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO "scores" VALUES(3,'a','olga','smb',100.0,0.25,NULL,55.0,'neutral',1.0,'{"usage": 40.0, "support": null}','[{"code": "usage.active_days", "feature": "active_days_28", "sentence": "Active on 2 days; usually 12.", "weight": 0.5}]','[]',25.0,'{"30": 0.2}','{"from": "2024-03-15", "to": "2024-03-21", "probability": 0.125}','{"days": [7, 14], "left": [0.1, 0.2]}',NULL,NULL,NULL,'[]',NULL,'2024-03-08',NULL,NULL,NULL,'{"ruled_health": null, "weights": {}, "base_rate": null}');
INSERT INTO "scores" VALUES(3,'b',NULL,NULL,NULL,NULL,NULL,NULL,'at_risk',1.0,'{"usage": 40.0, "support": null}','[]','[]',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,NULL,NULL,NULL,NULL,'{"ruled_health": null, "weights": {}, "base_rate": null}');
CREATE TABLE scorings (
	scoring_id INTEGER NOT NULL, 
	as_of DATE NOT NULL, 
	revision INTEGER NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	models JSON NOT NULL, 
	scored_at DATETIME NOT NULL, 
	data_fingerprint VARCHAR(64), 
	declarations JSON, 
	PRIMARY KEY (scoring_id), 
	UNIQUE (as_of, revision)
);
INSERT INTO "scorings" VALUES(1,'2024-03-01',1,'one','{"churn": "3", "upsell": null}','2024-03-01 08:00:00.000000',NULL,'{"health": "1be30d8253cc53854117cb73bc3d477ed10186ce2000bf9256071f60820b842c"}');
INSERT INTO "scorings" VALUES(2,'2024-03-08',1,'two','{"churn": "3", "upsell": null}','2024-03-08 08:00:00.000000',NULL,'{"health": "fbd37669973d924b926d4f59e3d68af528943ec40f37c0167a681eceb4899485"}');
INSERT INTO "scorings" VALUES(3,'2024-03-08',2,'three','{"churn": "3", "upsell": null}','2024-03-09 08:00:00.000000',NULL,NULL);
CREATE TABLE stamps (
	name VARCHAR(20) NOT NULL, 
	stamp INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "stamps" VALUES('plan',7);
CREATE TABLE work (
	work_id VARCHAR NOT NULL, 
	account_id VARCHAR NOT NULL, 
	playbook VARCHAR(60) NOT NULL, 
	reason VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	opened_on DATE NOT NULL, 
	due DATE NOT NULL, 
	minutes INTEGER NOT NULL, 
	cost FLOAT NOT NULL, 
	value FLOAT, 
	snoozed_until DATE, 
	escalated_on DATE, 
	ended_on DATE, 
	ended_because TEXT, 
	follows VARCHAR, 
	opened_for VARCHAR NOT NULL, 
	last_on DATE NOT NULL, 
	PRIMARY KEY (work_id)
);
INSERT INTO "work" VALUES('a/rescue/usage.active_days/2024-03-01','a','rescue','usage.active_days','olga','snoozed','2024-03-01','2024-03-08',60,10.0,5.0,'2024-03-20',NULL,NULL,NULL,NULL,'olga','2024-03-09');
INSERT INTO "work" VALUES('Müller & Söhne; ''100 %''/rescue/usage.active_days/2024-03-08','Müller & Söhne; ''100 %''','rescue','usage.active_days','olga','open','2024-03-08','2024-03-15',60,10.0,5.0,NULL,NULL,NULL,NULL,NULL,'olga','2024-03-08');
CREATE TABLE work_events (
	event_id INTEGER NOT NULL, 
	work_id VARCHAR NOT NULL, 
	"on" DATE NOT NULL, 
	what VARCHAR(20) NOT NULL, 
	who VARCHAR NOT NULL, 
	why TEXT NOT NULL, 
	details JSON NOT NULL, 
	"after" JSON NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (event_id), 
	FOREIGN KEY(work_id) REFERENCES work (work_id)
);
INSERT INTO "work_events" VALUES(1,'a/rescue/usage.active_days/2024-03-01','2024-03-01','opened','churnml','the rule held','{"seen": 1}','{"work_id": "a/rescue/usage.active_days/2024-03-01", "account_id": "a", "playbook": "rescue", "reason": "usage.active_days", "owner": "olga", "state": "open", "opened_on": "2024-03-01", "due": "2024-03-08", "minutes": 60, "value": 5.0, "snoozed_until": null, "escalated_on": null, "ended_on": null, "ended_because": null, "cost": 10.0, "follows": null}','2024-03-01 08:00:00.000000');
INSERT INTO "work_events" VALUES(2,'Müller & Söhne; ''100 %''/rescue/usage.active_days/2024-03-08','2024-03-08','opened','churnml','the rule held','{"seen": 1}','{"work_id": "M\u00fcller & S\u00f6hne; ''100 %''/rescue/usage.active_days/2024-03-08", "account_id": "M\u00fcller & S\u00f6hne; ''100 %''", "playbook": "rescue", "reason": "usage.active_days", "owner": "olga", "state": "open", "opened_on": "2024-03-08", "due": "2024-03-15", "minutes": 60, "value": 5.0, "snoozed_until": null, "escalated_on": null, "ended_on": null, "ended_because": null, "cost": 10.0, "follows": null}','2024-03-08 08:00:00.000000');
INSERT INTO "work_events" VALUES(3,'a/rescue/usage.active_days/2024-03-01','2024-03-09','snoozed','olga','on holiday','{"seen": 1}','{"work_id": "a/rescue/usage.active_days/2024-03-01", "account_id": "a", "playbook": "rescue", "reason": "usage.active_days", "owner": "olga", "state": "snoozed", "opened_on": "2024-03-01", "due": "2024-03-08", "minutes": 60, "value": 5.0, "snoozed_until": "2024-03-20", "escalated_on": null, "ended_on": null, "ended_because": null, "cost": 10.0, "follows": null}','2024-03-09 08:00:00.000000');
CREATE INDEX ix_work_state ON work (state, ended_on);
CREATE UNIQUE INDEX uq_work_living ON work (account_id, playbook, reason) WHERE state IN ('open', 'snoozed');
CREATE INDEX ix_work_last_on ON work (last_on);
CREATE INDEX ix_work_account_id ON work (account_id);
CREATE INDEX ix_work_opened_on ON work (opened_on);
CREATE INDEX ix_overrides_expires_on ON overrides (expires_on);
CREATE INDEX ix_overrides_account_id ON overrides (account_id);
CREATE INDEX ix_deliveries_subject ON deliveries (receiver, kind, subject, delivery_id);
CREATE INDEX ix_deliveries_due ON deliveries (state, next_attempt_at);
CREATE INDEX ix_effects_playbook ON effects (playbook, known_through);
CREATE INDEX ix_audit_log_at ON audit_log (at);
CREATE INDEX ix_audit_log_subject ON audit_log (subject);
CREATE INDEX ix_scores_account_id ON scores (account_id, scoring_id);
CREATE INDEX ix_health_events_account_id ON health_events (account_id);
CREATE INDEX ix_health_events_scoring_id ON health_events (scoring_id);
CREATE INDEX ix_decisions_account_id ON decisions (account_id, scoring_id);
CREATE INDEX ix_decisions_outcome ON decisions (scoring_id, outcome, owner);
CREATE INDEX ix_work_events_work_id ON work_events (work_id, "on");
CREATE INDEX ix_assignments_playbook ON assignments (playbook, assigned_on);
CREATE INDEX ix_delivery_attempts_delivery_id ON delivery_attempts (delivery_id);
CREATE INDEX ix_outcomes_assignment ON outcomes (account_id, playbook, known_through);
CREATE TRIGGER declarations_stays_update BEFORE UPDATE ON declarations BEGIN SELECT RAISE(ABORT, 'UPDATE on declarations: what is written there stays'); END;
CREATE TRIGGER declarations_stays_delete BEFORE DELETE ON declarations BEGIN SELECT RAISE(ABORT, 'DELETE on declarations: what is written there stays'); END;
CREATE TRIGGER scorings_stays_update BEFORE UPDATE ON scorings BEGIN SELECT RAISE(ABORT, 'UPDATE on scorings: what is written there stays'); END;
CREATE TRIGGER scorings_stays_delete BEFORE DELETE ON scorings BEGIN SELECT RAISE(ABORT, 'DELETE on scorings: what is written there stays'); END;
CREATE TRIGGER scores_stays_update BEFORE UPDATE ON scores BEGIN SELECT RAISE(ABORT, 'UPDATE on scores: what is written there stays'); END;
CREATE TRIGGER scores_stays_delete BEFORE DELETE ON scores BEGIN SELECT RAISE(ABORT, 'DELETE on scores: what is written there stays'); END;
CREATE TRIGGER health_events_stays_update BEFORE UPDATE ON health_events BEGIN SELECT RAISE(ABORT, 'UPDATE on health_events: what is written there stays'); END;
CREATE TRIGGER health_events_stays_delete BEFORE DELETE ON health_events BEGIN SELECT RAISE(ABORT, 'DELETE on health_events: what is written there stays'); END;
CREATE TRIGGER decisions_stays_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'UPDATE on decisions: what is written there stays'); END;
CREATE TRIGGER decisions_stays_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'DELETE on decisions: what is written there stays'); END;
CREATE TRIGGER work_events_stays_update BEFORE UPDATE ON work_events BEGIN SELECT RAISE(ABORT, 'UPDATE on work_events: what is written there stays'); END;
CREATE TRIGGER work_events_stays_delete BEFORE DELETE ON work_events BEGIN SELECT RAISE(ABORT, 'DELETE on work_events: what is written there stays'); END;
CREATE TRIGGER assignments_stays_update BEFORE UPDATE ON assignments BEGIN SELECT RAISE(ABORT, 'UPDATE on assignments: what is written there stays'); END;
CREATE TRIGGER assignments_stays_delete BEFORE DELETE ON assignments BEGIN SELECT RAISE(ABORT, 'DELETE on assignments: what is written there stays'); END;
CREATE TRIGGER overrides_stays_update BEFORE UPDATE ON overrides BEGIN SELECT RAISE(ABORT, 'UPDATE on overrides: what is written there stays'); END;
CREATE TRIGGER overrides_stays_delete BEFORE DELETE ON overrides BEGIN SELECT RAISE(ABORT, 'DELETE on overrides: what is written there stays'); END;
CREATE TRIGGER override_withdrawals_stays_update BEFORE UPDATE ON override_withdrawals BEGIN SELECT RAISE(ABORT, 'UPDATE on override_withdrawals: what is written there stays'); END;
CREATE TRIGGER override_withdrawals_stays_delete BEFORE DELETE ON override_withdrawals BEGIN SELECT RAISE(ABORT, 'DELETE on override_withdrawals: what is written there stays'); END;
CREATE TRIGGER delivery_attempts_stays_update BEFORE UPDATE ON delivery_attempts BEGIN SELECT RAISE(ABORT, 'UPDATE on delivery_attempts: what is written there stays'); END;
CREATE TRIGGER delivery_attempts_stays_delete BEFORE DELETE ON delivery_attempts BEGIN SELECT RAISE(ABORT, 'DELETE on delivery_attempts: what is written there stays'); END;
CREATE TRIGGER outcomes_stays_update BEFORE UPDATE ON outcomes BEGIN SELECT RAISE(ABORT, 'UPDATE on outcomes: what is written there stays'); END;
CREATE TRIGGER outcomes_stays_delete BEFORE DELETE ON outcomes BEGIN SELECT RAISE(ABORT, 'DELETE on outcomes: what is written there stays'); END;
CREATE TRIGGER effects_stays_update BEFORE UPDATE ON effects BEGIN SELECT RAISE(ABORT, 'UPDATE on effects: what is written there stays'); END;
CREATE TRIGGER effects_stays_delete BEFORE DELETE ON effects BEGIN SELECT RAISE(ABORT, 'DELETE on effects: what is written there stays'); END;
CREATE TRIGGER audit_log_stays_update BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'UPDATE on audit_log: what is written there stays'); END;
CREATE TRIGGER audit_log_stays_delete BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'DELETE on audit_log: what is written there stays'); END;
CREATE TRIGGER work_stays_delete BEFORE DELETE ON work BEGIN SELECT RAISE(ABORT, 'DELETE on work: what is written there stays'); END;
CREATE TRIGGER deliveries_stays_delete BEFORE DELETE ON deliveries BEGIN SELECT RAISE(ABORT, 'DELETE on deliveries: what is written there stays'); END;
CREATE TRIGGER stamps_stays_delete BEFORE DELETE ON stamps BEGIN SELECT RAISE(ABORT, 'DELETE on stamps: what is written there stays'); END;
COMMIT;
