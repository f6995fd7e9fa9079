# Looks at every pod, once a day.
module Workers
  class RecurringPodCheck < Base
    sidekiq_options queue: :low

    def perform = Pod.where(blocked: false).find_each(&:test_connection!)
  end
end
