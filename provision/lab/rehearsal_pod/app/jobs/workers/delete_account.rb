# Closes an account for good.
module Workers
  class DeleteAccount < Base
    sidekiq_options queue: :low

    def perform(id) = AccountDeletion.find(id).perform!
  end
end
