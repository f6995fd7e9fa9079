# The thread in sidekiq's process that enqueues what is due.
# frozen_string_literal: true

module Cron
  class Poller
    include PodLog::Speaker

    SECONDS_BETWEEN_LOOKS = 20

    def initialize
      @stopping = Queue.new
    end

    def start
      Thread.new { look until @stopping.pop(timeout: SECONDS_BETWEEN_LOOKS) }
      self
    end

    def stop
      @stopping << true
    end

    private

    # One failed look is reported; the next one comes.
    def look
      now = Time.now.utc
      Job.all.each {|job| job.enqueue_if_due(now) }
    rescue RedisClient::Error => e
      logger.error "cron could not look: #{e.class}: #{e.message}"
    end
  end
end
