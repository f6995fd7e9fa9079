# Makes many deliveries at once, and writes one line for each: the log is the only place where a
# delivery's duration is kept.
module DiasporaFederation
  module Federation
    module Sender
      class HydraWrapper
        include PodLog::Speaker

        def initialize(sender_id, subject)
          @sender_id = sender_id
          @subject = subject
          @hydra = Typhoeus::Hydra.new(max_concurrency: AppConfig.settings.typhoeus_concurrency.to_i)
          @failed = []
        end

        def insert(url, body, type)
          headers = Http.options[:headers].merge("Content-Type" => type, "Expect" => "", "Transfer-Encoding" => "")
          request = Typhoeus::Request.new(url, Http.options.merge(method: :post, body: body, headers: headers))
          request.on_complete {|response| completed(url, response) }
          @hydra.queue(request)
        end

        # Delivers all; the addresses that failed.
        def send_all
          @hydra.run
          @failed
        end

        private

        def completed(url, response)
          record(url, response)
          line = "success=#{response.success?} sender=#{@sender_id} obj=#{@subject} url=#{response.effective_url} " \
                 "message=#{Http.word(response)} code=#{response.response_code} time=#{response.total_time}"
          return logger.info(line) if response.success?

          logger.warn(line)
          @failed << url
        end

        def record(url, response)
          root = URI.parse(url).tap {|uri| uri.path = "/" }.to_s
          word = Http.word(response)
          outcome = word == :ok ? response.response_code : word
          Pod.find_or_create_by(url: root).record_delivery(outcome)
        end
      end
    end
  end
end
