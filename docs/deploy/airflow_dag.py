"""churnml under Airflow: what did not answer is tried again, what a person must mend is not.

Put this into the DAGs folder. churnml lives in an environment of its own, because Airflow pins what it needs.
"""

from __future__ import annotations

import datetime as dt
import subprocess

from airflow.decorators import dag, task
from airflow.exceptions import AirflowException, AirflowFailException

CHURNML = "/opt/churnml/bin/churnml"
PROJECT = "/srv/churnml/acme"
# of sysexits.h: something outside did not answer
TRY_AGAIN = 75


def churnml(*words: str) -> None:
    """Runs a command; raises what Airflow takes for "again" or for "never again"."""
    done = subprocess.run([CHURNML, *words, "--project", PROJECT], check=False)  # noqa: S603 - our own words
    if done.returncode == TRY_AGAIN:
        raise AirflowException(f"churnml {words[0]}: something did not answer")
    if done.returncode:
        raise AirflowFailException(f"churnml {words[0]} ended with {done.returncode}: its log says what to mend")


@dag(
    schedule="0 5 * * *",
    start_date=dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    # the newest date is scored; churnml backfill is for dates that were missed
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": dt.timedelta(minutes=1), "retry_exponential_backoff": True},
)
def churnml_day() -> None:
    """Trains what has changed, scores the newest date, tells the receivers."""

    @task
    def train() -> None:
        churnml("train", "--no-prefect")

    # a training that failed keeps nobody from yesterday's champion
    @task(trigger_rule="all_done")
    def score() -> None:
        churnml("score", "--no-prefect")

    @task
    def deliver() -> None:
        churnml("deliver", "--send", "--no-prefect")

    train() >> score() >> deliver()


churnml_day()
