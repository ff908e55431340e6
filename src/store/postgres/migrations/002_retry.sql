-- A failed run can be retried: what its failure stopped goes on from where it stood.
alter table baton.activations
  -- The state in which the failure of its run stopped it; null for what ended by itself, or was cancelled.
  add column stopped_in text,
  -- When it would have been due then.
  add column stopped_due_at timestamptz;
-- Made by the client: a repeated retry finds that it was done.
alter table baton.runs add column retry_token uuid;
