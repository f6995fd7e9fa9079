# Warns accounts that nobody used for long, and closes those that were warned.
module Workers
  class QueueUsersForRemoval < Base
    sidekiq_options queue: :low

    def perform
      settings = AppConfig.settings.maintenance.remove_old_users
      return unless settings.enable?

      unused = User.where("last_seen < ?", settings.after_days.to_i.days.ago).where(locked_at: nil, remove_after: nil)
      unused.order(:last_seen).limit(settings.limit_removals_to_per_day.to_i).each do |user|
        user.update_column(:remove_after, settings.warn_days.to_i.days.from_now)
        Notifier.removal_warning(user).deliver_now
        RemoveOldUser.perform_in(settings.warn_days.to_i.days + 1.day, user.id)
      end
    end
  end
end
