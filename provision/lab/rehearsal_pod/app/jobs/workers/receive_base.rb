# What came in from other pods. Errors that would be the same next time are logged, not retried.
module Workers
  class ReceiveBase < Base
    sidekiq_options queue: :urgent

    private

    def filter_errors_for_retry
      yield
    rescue DiasporaFederation::Rejected => e
      logger.warn "don't retry for error: #{e.class}: #{e.message}"
    end
  end
end
