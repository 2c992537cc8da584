"""Checkpoints: one folder per task, there again for a later attempt."""

from __future__ import annotations

TASKS = """
    from yamlflow import Context

    def train(ctx: Context):
        file = Path(ctx.checkpoint_dir) / "epoch"
        done = int(file.read_text()) if file.exists() else 0
        note("from", done)
        file.write_text(str(done + 1))
        ctx.save_checkpoint()
        if done < 2:
            raise ValueError("power cut")
        return done
"""


def test_a_later_attempt_goes_on_where_the_last_one_saved(project):
    story = project('steps: {train: {run: "tasks:train", retry: {attempts: 3}}}\noutputs: {done: steps.train}', TASKS)
    assert story.run().outputs == {"done": 2}
    assert story.ledger == ["from 0", "from 1", "from 2"]


def test_a_resume_goes_on_where_the_last_attempt_saved(project):
    story = project('steps: {train: {run: "tasks:train"}}', TASKS)
    story.run(code=1)
    assert story.call("resume").code == 1
    assert story.call("resume").code == 0
    assert story.ledger == ["from 0", "from 1", "from 2"]
