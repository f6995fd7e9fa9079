# Removes archives of their data that users asked for a fortnight ago.
module Workers
  class CleanupOldExports < Base
    sidekiq_options queue: :low

    def perform
      User.where("exported_at < ?", 14.days.ago).update_all(export: nil, exported_at: nil)
      User.where("exported_photos_at < ?", 14.days.ago).update_all(exported_photos_file: nil, exported_photos_at: nil)
    end
  end
end
