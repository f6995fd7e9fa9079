# Deliveries: a failure puts itself into the schedule, later each time, until it is given up.
module Workers
  class SendBase < Base
    sidekiq_options queue: :medium, retry: 0

    # The attempts in all: nine retries follow the first one.
    MAX_RETRIES = 10
    MAX_CONTACT_RETRIES = MAX_RETRIES + 10
    MaxRetriesReached = Class.new(StandardError)

    private

    def schedule_retry(attempt, sender_id, subject, failed_urls)
      limit = subject.start_with?("Contact") ? MAX_CONTACT_RETRIES : MAX_RETRIES
      return yield(seconds_to_wait(attempt), attempt) if attempt < limit

      logger.warn "status=abandon sender=#{sender_id} obj=#{subject} failed_urls='[#{failed_urls.join(', ')}]'"
      raise MaxRetriesReached
    end

    def seconds_to_wait(attempt) = ((attempt + 3)**4) + (rand(30) * (attempt + 1))
  end
end
