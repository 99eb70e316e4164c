"""Planted bugs that the simulation must find, each within `SEEDS_MAX` seeds: the test of the test.

`python -m tests.simulation --mutants [NAME ...]` plants each in a process of its own and runs seeds until one fails.
A new mutant is one function that patches something for good, and its entry in `MUTANTS`.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from tests.simulation.draw import Drawn
from tests.simulation.drawing import drawn_by
from tests.simulation.elsewhere import digest_under
from tests.simulation.faults import draw_faults
from tests.simulation.run import simulate

from . import of_machine, of_process, of_rights, of_roles, of_runner, of_stores

#: Every mutant must be found within so many seeds.
SEEDS_MAX = 200
HASH_SEEDS = (1, 2)


def any_installation(_drawn: Drawn) -> bool:
    return True


def on_kafka(drawn: Drawn) -> bool:
    return drawn.is_kafka


def on_opensearch(drawn: Drawn) -> bool:
    return drawn.is_opensearch


def on_several_partitions(drawn: Drawn) -> bool:
    return drawn.settings.partitions > 1


def with_snapshots(drawn: Drawn) -> bool:
    return drawn.settings.snapshots.directory is not None


def with_authorization(drawn: Drawn) -> bool:
    return drawn.access is not None


def with_signatures(drawn: Drawn) -> bool:
    return drawn.access is not None and drawn.access.seal is not None


def with_plans(drawn: Drawn) -> bool:
    return drawn.has_plans


def with_approval(drawn: Drawn) -> bool:
    return drawn.has_plans and bool(drawn.settings.batch_operation.approval_types)


def with_approval_by_others(drawn: Drawn) -> bool:
    return drawn.has_plans and drawn.access is not None


def with_inboxes(drawn: Drawn) -> bool:
    return drawn.has_inboxes


class Mutant(Struct, frozen=True, kw_only=True):
    """A bug and how to plant it into this process.

    `compare`: it breaks no promise but that of the same bytes everywhere, so each seed runs under two hash seeds.
    `needs`: what an installation must be for it to show, `fault`: what shows it; other seeds are passed over.
    """

    name: str
    plant: Callable[[], None]
    compare: bool = False
    needs: Callable[[Drawn], bool] = any_installation
    fault: str = ""

    def may_show(self, seed: int) -> bool:
        faults = [fault.name for fault in draw_faults(seed)]
        return self.fault in ("", *faults) and self.needs(drawn_by(seed))


class Found(Struct, frozen=True, kw_only=True):
    """The seed that found a mutant, what noticed it and what that said; seed 0: none did."""

    name: str
    seed: int = 0
    by: str = ""
    said: str = ""


MUTANTS = (
    Mutant(name="commit before append", plant=of_runner.commit_before_append),
    Mutant(name="recovery without the source check", plant=of_runner.recover_without_sources),
    Mutant(name="queues kept at recovery", plant=of_runner.queues_kept_at_recovery),
    Mutant(name="overlays kept at recovery", plant=of_runner.overlays_kept_at_recovery),
    Mutant(name="AppendUnknown taken for not appended", plant=of_runner.unknown_is_not_appended),
    Mutant(name="timers lost after the first", plant=of_runner.ticks_end_after_one),
    Mutant(name="replay that ends at the first page", plant=of_runner.replay_ends_at_the_first_page),
    Mutant(name="step overlay not rolled back", plant=of_machine.overlay_not_rolled_back),
    Mutant(name="overlay of a failed item kept", plant=of_machine.item_overlay_kept),
    Mutant(name="follow-up applied twice", plant=of_machine.follow_up_twice),
    Mutant(name="gap in the idempotency memory", plant=of_machine.gap_in_idempotency),
    Mutant(name="unordered iteration", plant=of_machine.unordered_iteration, compare=True),
    Mutant(name="time from the clock", plant=of_machine.time_from_the_clock),
    Mutant(name="messages taken again", plant=of_machine.messages_taken_again),
    Mutant(name="fence not checked", plant=of_machine.fence_not_checked),
    Mutant(name="loop token ignored", plant=of_machine.loop_token_ignored),
    Mutant(name="counter not moved on cancel", plant=of_machine.counter_not_moved_on_cancel),
    Mutant(name="job timer lost", plant=of_machine.job_timer_lost),
    Mutant(name="message correlated twice", plant=of_process.message_correlated_twice),
    Mutant(name="message given again", plant=of_process.message_given_again),
    Mutant(name="message kept for ever", plant=of_process.message_kept_for_ever),
    Mutant(name="subscription outlives its host", plant=of_process.subscription_outlives_its_host),
    Mutant(
        name="signal on one partition only",
        plant=of_process.signal_on_one_partition_only,
        needs=on_several_partitions,
    ),
    Mutant(name="end of a called instance not heard", plant=of_process.end_of_called_instance_not_heard),
    Mutant(name="boundary event does not interrupt", plant=of_process.boundary_event_does_not_interrupt),
    Mutant(name="cycle fires once more", plant=of_process.cycle_fires_once_more),
    Mutant(name="event does not wait for what undoes", plant=of_process.event_does_not_wait_for_what_undoes),
    Mutant(name="completion condition not asked", plant=of_process.completion_condition_not_asked),
    Mutant(name="suspended job given out", plant=of_process.suspended_job_given_out),
    Mutant(name="timer of a suspended instance fires", plant=of_process.timer_of_a_suspended_instance_fires),
    Mutant(name="held things are not released", plant=of_process.held_things_are_not_released),
    Mutant(name="watermark not waited for", plant=of_roles.watermark_not_waited_for),
    Mutant(name="deletions forgotten by a restart", plant=of_roles.deletions_forgotten_by_a_restart),
    Mutant(name="exporter position before the write", plant=of_roles.position_before_the_write),
    Mutant(name="stored position not checked", plant=of_roles.stored_position_not_checked),
    Mutant(name="failed export skipped", plant=of_roles.failed_export_skipped),
    Mutant(name="acknowledged before the append", plant=of_roles.acknowledged_before_the_append),
    Mutant(name="503 although it was appended", plant=of_roles.unknown_told_as_refused),
    Mutant(name="partition not started again", plant=of_roles.not_started_again),
    Mutant(name="standby that decides", plant=of_roles.standby_decides),
    Mutant(name="take-over without the tail", plant=of_roles.taken_over_without_the_tail),
    Mutant(name="fenced owner fences in turn", plant=of_roles.fenced_fences_in_turn),
    Mutant(
        name="ends asked before the fence",
        plant=of_stores.ends_asked_before_the_fence,
        needs=on_kafka,
        fault="left out",
    ),
    Mutant(
        name="commit sent again",
        plant=of_stores.commit_sent_again,
        needs=on_kafka,
        fault="connection lost",
    ),
    Mutant(
        name="restored topics not noticed",
        plant=of_stores.restored_topics_not_noticed,
        needs=on_kafka,
        fault="topics restored",
    ),
    Mutant(
        name="command of restored topics skipped",
        plant=of_stores.command_of_restored_topics_skipped,
        needs=on_kafka,
        fault="topics restored",
    ),
    Mutant(
        name="snapshot not compared with the log",
        plant=of_stores.snapshot_not_compared,
        needs=with_snapshots,
        fault="snapshot of another log",
    ),
    Mutant(name="deleted rows stay", plant=of_stores.deleted_rows_stay),
    Mutant(name="tail behind a state not replayed", plant=of_stores.tail_behind_a_state_not_replayed),
    Mutant(name="position before the documents", plant=of_stores.position_before_the_documents, needs=on_opensearch),
    Mutant(
        name="right not checked when an item runs",
        plant=of_rights.right_not_checked_when_an_item_runs,
        needs=with_authorization,
    ),
    Mutant(
        name="items found that may not be read",
        plant=of_rights.items_are_found_that_may_not_be_read,
        needs=with_authorization,
    ),
    Mutant(
        name="existence told before the right",
        plant=of_rights.existence_told_before_the_right,
        needs=with_authorization,
    ),
    Mutant(name="rights outlive their user", plant=of_rights.rights_outlive_their_user, needs=with_authorization),
    Mutant(name="signature not checked", plant=of_rights.signature_not_checked, needs=with_signatures),
    Mutant(
        name="principal of an inbox not checked",
        plant=of_rights.principal_of_an_inbox_not_checked,
        needs=with_inboxes,
    ),
    Mutant(name="plan not compared", plant=of_rights.plan_not_compared, needs=with_plans),
    Mutant(name="approval not asked for", plant=of_rights.approval_not_asked_for, needs=with_approval),
    Mutant(name="own plan approved", plant=of_rights.own_plan_approved, needs=with_approval_by_others),
    Mutant(name="held phase ignored", plant=of_rights.held_phase_ignored),
    Mutant(
        name="webhook told before the end is committed",
        plant=of_rights.told_before_the_end_is_committed,
        needs=with_plans,
    ),
    Mutant(name="webhook told once at most", plant=of_rights.told_once_at_most, needs=with_plans),
    Mutant(name="record applied to a document again", plant=of_stores.record_applied_again, needs=on_opensearch),
)


def find(name: str, seeds_max: int = SEEDS_MAX) -> Found:
    """Plant a mutant in this process, for good, and run seeds until one fails."""
    mutant = plant(name)
    for seed in range(1, seeds_max + 1):
        if not mutant.may_show(seed):
            continue
        if mutant.compare:
            if len({digest_under(hash_seed, seed, name) for hash_seed in HASH_SEEDS}) > 1:
                return Found(name=name, seed=seed, by="two hash seeds", said="the logs have other bytes")
            continue
        report = simulate(seed).report
        if report:
            by, said, *_ = report.partition("--- what is wrong\n")[2].splitlines()
            return Found(name=name, seed=seed, by=by, said=said)
    return Found(name=name)


def plant(name: str) -> Mutant:
    """Into this process, for good."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    mutant.plant()
    return mutant
