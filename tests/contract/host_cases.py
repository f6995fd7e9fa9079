"""What only a pod's host shows: settings, tables, keys in Redis, rake tasks, secrets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from tests.contract.answers import COUNT, TEXT, AtLeast, Contains, Facts, Kind, fits, matching
from tests.contract.database import COLUMNS, READ_COLUMNS
from tests.contract.host import OnHost

_CRON_LINE = matching("cron line", r"(\S+ ){4}\S+")
_DAILY = matching("daily cron line", r"\d+ \d+ \* \* \*")
_QUEUES = ["urgent", "high", "medium", "low", "default"]
_WORKERS = {
    "check_birthday": "Workers::CheckBirthday",
    "clean_cached_files": "Workers::CleanCachedFiles",
    "cleanup_old_exports": "Workers::CleanupOldExports",
    "cleanup_pending_photos": "Workers::CleanupPendingPhotos",
    "queue_users_for_removal": "Workers::QueueUsersForRemoval",
    "recheck_scheduled_pods": "Workers::RecheckScheduledPods",
    "recurring_pod_check": "Workers::RecurringPodCheck",
}
_FIXED_TIMES = {"check_birthday": "0 0 * * *", "recheck_scheduled_pods": "*/30 * * * *"}

RAKE_TASKS = (
    "assets:precompile",
    "db:abort_if_pending_migrations",
    "db:create",
    "db:migrate",
    "db:migrate:status",
    "db:version",
    "generate:secret_token",
    "maintenance:queue_users_for_removal",
    "migrations:run_account_deletions",
    "podmin:admin_mail[users_def,msg_path,subject]",
)


# The environment variables that a program runs with; programs that share them run together.
Variables = tuple[tuple[str, str], ...]
CHANGED: Variables = (
    ("SETTINGS_POD_NAME", "from the environment"),
    ("SETTINGS_USERNAME_BLACKLIST", "one,two"),
    ("SETTINGS_TERMS_ENABLE", "false"),
    ("MAIL_ENABLE", "true"),
    ("MAIL_METHOD", "smtp"),
    ("MAIL_SMTP_HOST", "mail.example.org"),
    ("MAIL_SMTP_PORT", "2525"),
    ("MAIL_SMTP_AUTHENTICATION", "none"),
)
OTHERWISE: Variables = (
    ("MAIL_ENABLE", "false"),
    ("REDIS_URL", "unix:///nonexistent/redis.sock"),
)


@dataclass(frozen=True)
class HostCase:
    """A Ruby program within the pod, beside what it must give."""

    name: str
    ruby: str
    expected: object
    variables: Variables = ()


_CALLS = """
authorization = Api::OpenidConnect::Authorization
classes = {
  User => %i[build find_by!], Role => %i[add_admin], AppConfig => %i[pod_uri],
  Person => %i[find_or_fetch_by_identifier], authorization => %i[create!],
  Api::OpenidConnect::OAuthApplication => %i[create!],
  ActiveRecord::Tasks::DatabaseTasks => %i[migrate],
  User.new => %i[save! seed_aspects share_with aspects person close_account!],
  authorization.new => %i[create_access_token refresh_token]
}
classes.flat_map {|owner, names| names.reject {|name| owner.respond_to?(name) } }
"""
_PROCESS = """
Sidekiq.redis do |redis|
  names = redis.call("SMEMBERS", "processes")
  identity = names.max_by {|name| redis.call("HGET", name, "beat").to_f }
  fields = redis.call("HGETALL", identity)
  fields = fields.each_slice(2).to_h if fields.is_a?(Array)
  info = JSON.parse(fields["info"])
  wanted = AppConfig.environment.sidekiq.concurrency.to_i
  fields.merge("info" => info, "wanted" => info["concurrency"] == wanted)
end
"""
_PROCESS_FIELDS = {
    "info": AtLeast(
        {
            "hostname": TEXT,
            "pid": COUNT,
            "tag": TEXT,
            "concurrency": COUNT,
            "queues": _QUEUES,
            "weights": [dict.fromkeys(_QUEUES, 0)],
            "identity": TEXT,
        }
    ),
    "busy": matching("count", r"\d+"),
    "beat": matching("time", r"\d+(\.\d+)?"),
    "rss": matching("size", r"\d+"),
    "rtt_us": matching("duration", r"\d+"),
    "quiet": "false",
    "wanted": True,
}
_CRON = """
Sidekiq.redis do |redis|
  redis.call("SMEMBERS", "cron_jobs:default").to_h do |key|
    fields = %w[klass cron status namespace message]
    [key, fields.zip(redis.call("HMGET", key, *fields)).to_h]
  end
end
"""
_CRON_JOBS = {
    f"cron_job:default:{name}": {
        "klass": worker,
        "cron": _CRON_LINE,
        "status": "enabled",
        "namespace": "default",
        "message": matching("job", rf'.*"class":"{worker}".*'),
    }
    for name, worker in _WORKERS.items()
}
_SCHEDULE = {
    name: {"cron": _FIXED_TIMES.get(name, _DAILY), "class": worker}
    for name, worker in _WORKERS.items()
}
_STATUSES = (
    "unchecked",
    "no_errors",
    "dns_failed",
    "net_failed",
    "ssl_failed",
    "http_failed",
    "version_failed",
    "unknown_error",
)
_OPTIONS = """
receive, send = [Workers::ReceivePublic, Workers::SendPublic].map(&:get_sidekiq_options)
receive.merge(send.transform_keys {|key| "send_" + key })
"""
_NEWEST = """
versions = ActiveRecord::Base.connection.select_values("SELECT version FROM schema_migrations")
versions.include?("20230604015559")
"""
_RSA = 'OpenSSL::PKey::RSA.new(Rails.root.join("config/oidc_key.pem").read).n.num_bits'

HOST_CASES: tuple[HostCase, ...] = (
    HostCase("the calls that podfleet makes exist", _CALLS, []),
    HostCase("a setting of diaspora.toml", "AppConfig.environment.url.to_s.chomp('/')", "$origin"),
    HostCase("a default", "AppConfig.settings.captcha.image_size.to_s", "120x20"),
    HostCase(
        "a secret of 80 hex digits", "Rails.application.secret_key_base.match?(/\\A\\h{80}/)", True
    ),
    HostCase("an RSA key for applications", _RSA, Kind("4096 bits", lambda bits: bits == 4096)),
    HostCase("sidekiq's process", _PROCESS, AtLeast(_PROCESS_FIELDS)),
    HostCase("cron jobs in Redis", _CRON, AtLeast(_CRON_JOBS)),
    HostCase(
        "config/schedule.yml",
        'YAML.load_file("config/schedule.yml", permitted_classes: [Symbol])',
        _SCHEDULE,
    ),
    HostCase(
        "statuses of pods", "Pod.statuses", {name: number for number, name in enumerate(_STATUSES)}
    ),
    HostCase(
        "jobs carry their class's settings",
        _OPTIONS,
        AtLeast(
            {
                "retry": 10,
                "queue": "urgent",
                "backtrace": 15,
                "send_queue": "medium",
                "send_retry": 0,
            }
        ),
    ),
    HostCase("migrations are done", _NEWEST, True),
    HostCase("tables and their columns", READ_COLUMNS, Contains(COLUMNS)),
    HostCase(
        "an environment variable wins",
        "AppConfig.settings.pod_name.to_s",
        "from the environment",
        CHANGED,
    ),
    HostCase(
        "a comma makes a list",
        "AppConfig.settings.username_blacklist.get",
        ["one", "two"],
        CHANGED,
    ),
    HostCase(
        "words of truth",
        "[AppConfig.mail.enable?, AppConfig.settings.terms.enable?]",
        [True, False],
        CHANGED,
    ),
    HostCase(
        "mail settings",
        "Notifier; ActionMailer::Base.smtp_settings.values_at(:address, :port).map(&:to_s)",
        ["mail.example.org", "2525"],
        CHANGED,
    ),
    HostCase(
        "mail leaves only where it is enabled",
        "Notifier; ActionMailer::Base.perform_deliveries",
        False,
        OTHERWISE,
    ),
    HostCase(
        "REDIS_URL wins",
        "Sidekiq.redis {|redis| redis.call('PING') } rescue 'unreachable'",
        "unreachable",
        OTHERWISE,
    ),
)


def host_cases(host: OnHost, facts: Facts) -> Iterator[tuple[str, list[str]]]:
    """Each case's name, and what departed."""
    for variables, group in groupby(HOST_CASES, lambda case: case.variables):
        cases = list(group)
        answers = host.ruby_all([case.ruby for case in cases], **dict(variables))
        for case, answer in zip(cases, answers, strict=True):
            yield case.name, fits(case.expected, answer, facts, "answer")
    yield "rake tasks", _tasks(host)
    yield "no certificate authorities, no boot", _boots_without_authorities(host)


def _tasks(host: OnHost) -> list[str]:
    said = host.as_pod(["bin/rake", "-AT"])
    known = {line.split("#")[0].removeprefix("rake").strip() for line in said.splitlines()}
    return [f"rake {task}: absent" for task in RAKE_TASKS if task not in known]


def _boots_without_authorities(host: OnHost) -> list[str]:
    setting = {"ENVIRONMENT_CERTIFICATE_AUTHORITIES": "/nonexistent"}
    boots = [
        " ".join(argv)
        for argv in (["bin/rails", "runner", "1"], ["bin/rake", "db:version"])
        if not host.fails(argv, **setting)
    ]
    return [f"{argv}: ran all the same" for argv in boots]
