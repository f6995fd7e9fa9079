# Background work: how many threads, in which Redis, and the cron jobs.
# frozen_string_literal: true

Sidekiq.configure_client {|config| config.redis = AppConfig.redis_options }

Sidekiq.configure_server do |config|
  settings = AppConfig.environment.sidekiq
  config.redis = AppConfig.redis_options
  config.concurrency = settings.concurrency.to_i
  config[:dead_max_jobs] = settings.dead_jobs_limit.to_i
  config[:dead_timeout_in_seconds] = settings.dead_jobs_timeout.to_i

  # Nothing of the application can be named before it is initialized.
  poller = nil
  config.on(:startup) do
    Cron::Schedule.new(Rails.root.join("config/schedule.yml")).load_into_redis
    poller = Cron::Poller.new.start
  end
  config.on(:quiet) { poller&.stop }
  config.on(:shutdown) { poller&.stop }
end
