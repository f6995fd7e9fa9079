# Delivers something public to the pods that must hear of it.
module Workers
  class SendPublic < SendBase
    def perform(sender_id, subject, urls, xml, attempts=0)
      failed = DiasporaFederation::Federation::Sender.public(sender_id, subject, urls, xml)
      return if failed.empty?

      schedule_retry(attempts + 1, sender_id, subject, failed) do |seconds, attempt|
        self.class.perform_in(seconds, sender_id, subject, failed, xml, attempt)
      end
    end
  end
end
