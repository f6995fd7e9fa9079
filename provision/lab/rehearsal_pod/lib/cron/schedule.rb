# config/schedule.yml: which jobs run when. Made once, at times of this pod's own, so that not all
# pods of the world look at one another in the same minute.
# frozen_string_literal: true

require "yaml"

module Cron
  class Schedule
    DAILY = %w[CleanCachedFiles CleanupOldExports CleanupPendingPhotos QueueUsersForRemoval RecurringPodCheck].freeze
    FIXED = {"CheckBirthday" => "0 0 * * *", "RecheckScheduledPods" => "*/30 * * * *"}.freeze

    def initialize(path)
      @path = path
    end

    def load_into_redis
      write unless complete?
      jobs.each {|name, job| Job.new(name.to_s, job.fetch(:cron), job.fetch(:class)).save }
    end

    private

    def jobs = YAML.safe_load(@path.read, permitted_classes: [Symbol])

    # A file of an older version, or an empty one, is made anew.
    def complete?
      known = @path.file? && jobs
      known && known.values.map {|job| job[:class].to_s.demodulize }.sort == [*DAILY, *FIXED.keys].sort
    end

    def write
      daily = DAILY.to_h {|worker| [worker, "#{rand(60)} #{rand(24)} * * *"] }
      jobs = daily.merge(FIXED).sort.to_h do |worker, cron|
        [worker.underscore.to_sym, {cron: cron, class: "Workers::#{worker}"}]
      end
      @path.write(jobs.to_yaml)
    end
  end
end
