-- For tasks whose effect is to be counted: users of Galaxy, and a note of each update of what one of them uses on disk, made by the
-- database itself in the same transaction. galaxy.recalculate_user_disk_usage makes one such update. Galaxy updates its own users by itself,
-- after each upload.
BEGIN;
CREATE TABLE IF NOT EXISTS task_effect (
  user_id integer NOT NULL,
  transaction bigint NOT NULL DEFAULT txid_current(),
  moment timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE OR REPLACE FUNCTION note_task_effect() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO task_effect (user_id) VALUES (NEW.id);
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS note_task_effect ON galaxy_user;
CREATE TRIGGER note_task_effect AFTER UPDATE OF disk_usage ON galaxy_user FOR EACH ROW WHEN (NEW.id > 100000)
  EXECUTE FUNCTION note_task_effect();
INSERT INTO galaxy_user (id, email, username, password, active, deleted, purged, external, create_time, update_time)
SELECT id, id || '@galaxy.test', 'user' || id, '', true, false, false, false, now(), now() FROM generate_series(100001, 110000) AS id
ON CONFLICT DO NOTHING;
COMMIT;
