# Closes an account that was warned and still not used.
module Workers
  class RemoveOldUser < Base
    sidekiq_options queue: :low

    def perform(user_id)
      user = User.find(user_id)
      return unless AppConfig.settings.maintenance.remove_old_users.enable? && user.remove_after&.past?

      user.last_seen < user.remove_after - 1.year ? user.close_account! : user.update_column(:remove_after, nil)
    end
  end
end
