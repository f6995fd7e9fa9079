# Tells the hub that a feed has something new.
module Workers
  class PublishToHub < Base
    sidekiq_options queue: :medium

    PublishFailed = Class.new(StandardError)

    def perform(atom_url)
      hub = AppConfig.environment.pubsub_server.get
      response = Typhoeus.post(hub, body: {"hub.mode" => "publish", "hub.url" => "#{atom_url}.atom"},
                                    cainfo: AppConfig.environment.certificate_authorities.get, timeout: 30)
      raise PublishFailed, "#{hub}: #{response.return_code} #{response.code}" unless response.success?
    end
  end
end
