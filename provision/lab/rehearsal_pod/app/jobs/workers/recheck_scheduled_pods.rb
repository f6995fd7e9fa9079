# Looks again at the pods that were heard of while they were held for offline.
module Workers
  class RecheckScheduledPods < Base
    sidekiq_options queue: :low

    def perform = Pod.to_recheck.find_each(&:test_connection!)
  end
end
