# Removes uploads that were begun and never finished.
module Workers
  class CleanCachedFiles < Base
    sidekiq_options queue: :low

    def perform
      Rails.root.glob("public/uploads/tmp/*").each {|path| path.rmtree if path.mtime < 1.day.ago }
    end
  end
end
