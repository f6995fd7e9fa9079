# What all background jobs share.
module Workers
  class Base
    include Sidekiq::Job
    include PodLog::Speaker

    sidekiq_options backtrace: AppConfig.environment.sidekiq.backtrace.get,
                    retry:     AppConfig.environment.sidekiq.retry.get
  end
end
