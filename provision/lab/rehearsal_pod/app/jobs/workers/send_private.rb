# Delivers something private: one encrypted message for each recipient.
module Workers
  class SendPrivate < SendBase
    def perform(sender_id, subject, targets, attempts=0)
      failed = DiasporaFederation::Federation::Sender.private(sender_id, subject, targets)
      return if failed.empty?

      schedule_retry(attempts + 1, sender_id, subject, failed.keys) do |seconds, attempt|
        self.class.perform_in(seconds, sender_id, subject, failed, attempt)
      end
    end
  end
end
