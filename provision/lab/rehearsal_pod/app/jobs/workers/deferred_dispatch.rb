# Works out, away from the request, who must hear of something.
module Workers
  class DeferredDispatch < Base
    sidekiq_options queue: :high

    def perform(user_id, class_name, id, options)
      object = class_name.constantize.find(id)
      Diaspora::Federation::Dispatcher.build(User.find(user_id), object, **options.symbolize_keys).dispatch
    rescue ActiveRecord::RecordNotFound
      logger.warn "failed to dispatch #{class_name}:#{id}: it is gone"
    end
  end
end
