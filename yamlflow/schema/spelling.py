"""What a misspelt word was probably meant to be: near words, and other tools' names for our keys.

Words only; nothing here knows a file or a place in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from yamlflow.core.dataclass import dataclass

_SHORTEST_PREFIX = 3
_TOO_FAR = 2.0


def suggest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` most probably means, or None when none is near enough."""
    plain = _plain(word)
    if not plain:
        return None
    scores = {candidate: _score(plain, _plain(candidate)) for candidate in candidates}
    near = min(scores, key=scores.__getitem__, default=None)
    return near if near is not None and scores[near] < _TOO_FAR else None


def hint(word: str, candidates: Iterable[str]) -> str | None:
    """A sentence for a diagnostic's help: near words first, then other tools' names."""
    valid = tuple(candidates)
    foreign = FOREIGN.get(_plain(word))
    near = suggest(word, valid)
    if near is not None and (foreign is None or _plain(near) == _plain(word)):
        return f"did you mean `{near}`?"
    if foreign is not None and word not in valid:
        return foreign.sentence(word, valid)
    return f"did you mean `{near}`?" if near is not None else None


def condition_hint(text: str) -> str | None:
    """What GitHub's `if: always()` and its siblings are here."""
    return _CONDITIONS.get(text.strip().removeprefix("${{").removesuffix("}}").strip().removesuffix("()"))


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another tool's word: `use` is what to write in its place, `place` where that belongs."""

    use: str
    place: str = "on a step"

    def sentence(self, word: str, valid: Iterable[str]) -> str:
        """The help, with the place when the key is not one of those `valid` where the word stands."""
        elsewhere = self.use.split(".")[0] not in valid
        return f"write `{self.use}` for `{word}`" + (f", {self.place}" if elsewhere else "")


def _words(use: str, words: str, place: str = "on a step") -> dict[str, Foreign]:
    return {_plain(word): Foreign(use, place) for word in words.split()}


def _plain(word: str) -> str:
    """A word without case and joints: `maxParallel`, `max-parallel` and `max_parallel` are one."""
    return "".join(char for char in word.lower() if char not in "-_ .")


# Of Argo, Airflow, GitHub Actions, GitLab, Metaflow, Snakemake, Nextflow, Kestra, Prefect, DVC, Dagster, Kubernetes.
FOREIGN: dict[str, Foreign] = {
    **_words("steps", "tasks jobs stages nodes templates rules processes ops assets flows dag"),
    **_words("needs", "depends_on dependencies depends after upstream requires deps wait_for wait_for_tasks follows"),
    **_words("when", "if condition only_if run_if conditions"),
    **_words("foreach", "matrix with_items with_sequence with_param strategy scatter for_each loop map each expand"),
    **_words("foreach", "do_stages items parallel fan_out"),
    **_words("where", "exclude include_if"),
    **_words("run", "callable python_callable function func module entry_point entrypoint operator handler"),
    **_words("sh", "script shell bash run_script cmds"),
    **_words("command", "cmd args argv exec execute"),
    **_words("uses", "include import extends trigger subflow workflow workflow_call template_ref"),
    **_words("with", "arguments parameters kwargs op_kwargs config_args constants"),
    **_words("inputs", "input in consumes"),
    **_words("outputs", "output out outs emit produces publish artifacts"),
    **_words("params", "variables vars inputs_schema options", place="at the top of the file"),
    **_words("env", "environment env_vars envs environment_variables"),
    **_words("secrets", "secret env_from secret_env"),
    **_words("image", "container docker docker_image container_image conda_image"),
    **_words("executor", "runs_on runner pool backend compute decorator task_runner agent node_pool work_pool"),
    **_words("executors", "profiles runners backends clusters", place="at the top of the file"),
    **_words("resources.gpu", "gpus gpu accelerators num_gpus n_gpus gpu_count"),
    **_words("resources.cpu", "cpus cpu threads vcpu num_cpus cores"),
    **_words("resources.memory", "memory mem ram mem_mb memory_mb"),
    **_words("resources.disk", "disk_mb ephemeral_storage"),
    **_words("resources.spot", "spot preemptible interruptible"),
    **_words("cluster.nodes", "num_nodes nnodes num_parallel world_size replicas node_count"),
    **_words("cluster.procs_per_node", "nproc_per_node processes_per_node gpus_per_node"),
    **_words("retry.attempts", "retries max_retries times max_attempts retry_count tries num_retries"),
    **_words("retry", "retry_strategy retry_policy backoff_limit"),
    **_words("retry.delay", "retry_delay minutes_between_retries retry_delay_seconds"),
    **_words("retry.backoff", "retry_exponential_backoff backoff"),
    **_words("catch", "continue_on_error allow_failure allow_failures ignore_errors continue_on error_strategy"),
    **_words("catch", "on_error catch_errors"),
    **_words("fail_fast", "failfast"),
    **_words("max_parallel", "parallelism concurrency max_active_tasks concurrent max_forks concurrency_limit"),
    **_words("needs_policy", "trigger_rule run_after_policy"),
    **_words("timeout", "timeout_minutes execution_timeout active_deadline_seconds timeout_seconds walltime"),
    **_words("limit", "semaphore mutex pool_name resource_group concurrency_group"),
    **_words("cache", "memoize cache_policy caching cache_key_fn"),
    **_words("description", "doc docs comment label desc summary"),
    **_words("tags", "labels annotations"),
    **_words("cwd", "workdir working_directory wdir work_dir"),
    **_words("requirements", "pip conda packages pip_packages dependencies_file conda_packages"),
    **_words("items_per_task", "group_size batch_size chunk_size"),
    **_words("repeat", "while until loop_until"),
    **_words("defaults", "default_args default"),
    **_words("on_failure", "on_exit_handler errors on_failure_callback", place="at the top of the file"),
    **_words("on_success", "on_success_callback", place="at the top of the file"),
    **_words("on_exit", "finally post always after_all on_complete", place="at the top of the file"),
    **_words("schedule", "cron triggers schedule_interval on", place="at the top of the file"),
    **_words("yamlflow", "version api_version file_version", place="the first line: `yamlflow: 1`"),
    **_words("name", "id", place="at the top; a step's name is its key under `steps`"),
}

_CONDITIONS = {
    "always": "write `needs_policy: all_done` in its place: the step runs whatever became of the steps before it",
    "!cancelled": "write `needs_policy: all_done` in its place: the step runs whatever became of the steps before it",
    "failure": "write `needs_policy: any_failed` in its place, or use the top-level `on_failure`",
    "success": "leave it out: a step runs when the steps before it have succeeded",
    "cancelled": "use the top-level `on_exit`, which also runs after Ctrl-C",
}


def _score(word: str, candidate: str) -> float:
    """How far two words are apart, from 0 to 1; _TOO_FAR when one cannot be meant for the other."""
    if word == candidate:
        return 0.0
    shorter, longer = sorted((len(word), len(candidate)))
    if shorter > 1 and (distance := _distance(word, candidate)) <= max(1, shorter // 3):
        return distance / longer
    return 0.9 if len(word) >= _SHORTEST_PREFIX and candidate.startswith(word) else _TOO_FAR


def _distance(one: str, other: str) -> int:
    """Inserted, dropped, changed and swapped letters between two words (optimal string alignment)."""
    if abs(len(one) - len(other)) > max(len(one), len(other)) // 2:
        return len(one) + len(other)
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, right in enumerate(other, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]
