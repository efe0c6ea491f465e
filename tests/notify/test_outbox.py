"""Each event is told once by each channel, whatever the network and the server do."""

from dataclasses import replace

import pytest

from digits_core.errors import BadData, Unsafe
from digits_core.jobs.model import State, Status
from digits_core.jobs.scheduler import Scheduler
from digits_core.notify.outbox import Outbox


@pytest.fixture
def outbox(told):
    made = Outbox(told, pauses=(0.0, 0.0))
    yield made
    made.close()


def in_state(view, status):
    return replace(view, state=State(status, "because"))


def test_a_job_seen_before_its_end_is_told_about_once(outbox, told, finished_job, hook, until):
    view = finished_job("model", name="net <!channel>")
    outbox.see(in_state(view, Status.RUNNING))
    for _ in range(3):
        outbox.see(view)
    until(lambda: hook.got)
    outbox.close()
    again = Outbox(told)
    again.see(view)
    again.close()
    (message,) = hook.got
    assert (message["event"], message["job"]["id"], message["job"]["status"]) == ("done", view.id, "done")
    assert "&lt;!channel&gt;" in message["text"] and "is done" in message["text"]


def test_jobs_that_ended_before_anybody_wanted_messages_are_not_told_about(outbox, finished_job, hook):
    outbox.see(finished_job("model"))
    outbox.close()
    assert hook.got == []


def test_a_job_whose_owner_wants_no_message_is_not_told_about(outbox, finished_job, hook):
    view = finished_job("model")
    view = replace(view, job=replace(view.job, options={**view.job.options, "notify": False}))
    outbox.see(in_state(view, Status.RUNNING))
    outbox.see(view)
    outbox.close()
    assert hook.got == []


def test_a_stalled_job_is_told_about_once_and_its_end_too(outbox, finished_job, hook, until):
    view = finished_job("model")
    for status in (Status.RUNNING, Status.STALLED, Status.RUNNING, Status.STALLED, Status.DONE):
        outbox.see(in_state(view, status))
    until(lambda: len(hook.got) == 2)
    outbox.close()
    assert [message["event"] for message in hook.got] == ["stalled", "done"]


def test_a_busy_webhook_is_tried_again(outbox, finished_job, hook, until):
    hook.answers += [503, 500]
    view = finished_job("model")
    outbox.see(in_state(view, Status.RUNNING))
    outbox.see(view)
    until(lambda: hook.got)


def test_a_webhook_that_never_works_is_given_up_and_that_is_remembered(outbox, told, finished_job, hook, until):
    hook.answers += [500] * 3
    view = finished_job("model")
    outbox.see(in_state(view, Status.RUNNING))
    outbox.see(view)
    marker = view.folder.attempt(1).path / "notice-done-webhook.json"
    until(marker.exists)
    assert "given_up" in marker.read_text() and "secret-path" not in marker.read_text()
    outbox.close()
    later = Outbox(told)
    later.see(view)
    later.close()
    assert hook.got == []


def test_what_a_stopped_server_had_not_sent_is_sent_by_the_next(told, finished_job, hook, until):
    view = finished_job("model")
    first = Outbox(told, pauses=(3600.0,))
    hook.answers.append(503)
    first.see(in_state(view, Status.RUNNING))
    first.see(view)
    until(lambda: not hook.answers)
    first.close()
    second = Outbox(told)
    second.see(view)
    second.close()
    assert len(hook.got) == 1


def test_the_scheduler_tells_about_real_ends_and_not_about_stops(store, told, fake_job, fake_workers, hook, until):
    good, bad = fake_job(name="good"), fake_job(name="bad", fail="no pictures")
    scheduler = Scheduler(store, told, gpu_ids=list, watcher=Outbox(told))

    def both():
        scheduler.tick()
        return len(hook.got) == 2
    until(both, 30)
    scheduler.close()
    assert {(message["event"], message["job"]["id"]) for message in hook.got} == {("done", good.id), ("failed", bad.id)}


def test_without_settings_nothing_is_written(settings, finished_job):
    view = finished_job("model")
    Outbox(settings).see(in_state(view, Status.RUNNING))
    assert not list(view.folder.path.rglob("notice*"))


def test_private_addresses_need_the_settings_and_errors_hide_the_path(settings, hook):
    from digits_core.safe.post import safe_post

    with pytest.raises(Unsafe, match="private") as refused:
        safe_post(hook.url, b"{}")
    hook.answers.append(302)
    with pytest.raises(BadData, match="status 302") as redirected:
        safe_post(hook.url, b"{}", ["127.0.0.1"])
    assert "secret" not in f"{refused.value}{redirected.value}"


def test_a_watcher_that_fails_keeps_no_job_from_running(store, told, fake_job, fake_workers, until):
    class Broken:
        def see(self, view):
            raise OSError("no room for a note")

        def close(self):
            """Nothing to do."""

    view = fake_job()
    scheduler = Scheduler(store, told, gpu_ids=list, watcher=Broken())

    def done():
        scheduler.tick()
        return store.get(view.id).status is Status.DONE
    until(done, 30)
    scheduler.close()
