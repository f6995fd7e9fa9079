# A cron job as it lies in Redis: cron_job:default:NAME, listed in cron_jobs:default, with the
# times it was enqueued beside it, by which several processes agree who enqueues it.
# frozen_string_literal: true

module Cron
  class Job
    NAMESPACE = "default"
    LISTING = "cron_jobs:#{NAMESPACE}".freeze
    REMEMBERED_SECONDS = 24 * 60 * 60

    def self.all
      Sidekiq.redis do |redis|
        redis.call("SMEMBERS", LISTING).map do |key|
          name, cron, klass = redis.call("HMGET", key, "name", "cron", "klass")
          new(name, cron, klass)
        end
      end
    end

    def initialize(name, cron, klass)
      @name = name
      @expression = Expression.new(cron)
      @cron = cron
      @klass = klass
    end

    def save
      Sidekiq.redis do |redis|
        redis.call("SADD", LISTING, key)
        redis.call("HSET", key, *fields.flatten)
      end
    end

    # Enqueues the job once for this minute, whoever asks first.
    def enqueue_if_due(now)
      minute = now - now.sec
      return unless @expression.due?(minute) && claim(minute)

      @klass.constantize.perform_async
      Sidekiq.redis {|redis| redis.call("HSET", key, "last_enqueue_time", now.strftime("%Y-%m-%d %H:%M:%S %z")) }
    end

    private

    def key = "cron_job:#{NAMESPACE}:#{@name}"

    def claim(minute)
      Sidekiq.redis do |redis|
        claimed = redis.call("ZADD", "#{key}:enqueued", "NX", minute.to_f, minute.to_i.to_s)
        redis.call("ZREMRANGEBYSCORE", "#{key}:enqueued", 0, "(#{minute.to_f - REMEMBERED_SECONDS}")
        claimed == 1
      end
    end

    def fields
      message = @klass.constantize.get_sidekiq_options.merge("class" => @klass, "args" => [])
      {
        "name" => @name, "klass" => @klass, "cron" => @cron, "description" => "", "namespace" => NAMESPACE,
        "source" => "schedule", "args" => "[]", "message" => message.to_json, "status" => "enabled",
        "active_job" => "0", "queue_name_prefix" => "", "queue_name_delimiter" => "", "last_enqueue_time" => "",
        "symbolize_args" => "0", "date_as_argument" => "0", "retry" => message["retry"].to_s
      }
    end
  end
end
