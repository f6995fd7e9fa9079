# Something public came in.
module Workers
  class ReceivePublic < ReceiveBase
    def perform(data)
      filter_errors_for_retry { DiasporaFederation::Federation::Receiver.receive_public(data) }
    end
  end
end
