# Tells other pods, away from the request, that something is gone.
module Workers
  class DeferredRetraction < Base
    sidekiq_options queue: :high

    def perform(user_id, retraction, subscriber_ids, public)
      user = User.find(user_id)
      entity = DiasporaFederation::Entities::Retraction.new(**retraction.symbolize_keys)
      Diaspora::Federation::Dispatcher.new(user, entity, Person.where(id: subscriber_ids), public: public).dispatch
    end
  end
end
