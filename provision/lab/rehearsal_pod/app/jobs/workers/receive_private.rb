# Something for one user came in.
module Workers
  class ReceivePrivate < ReceiveBase
    def perform(user_id, data)
      user = User.find(user_id)
      filter_errors_for_retry { DiasporaFederation::Federation::Receiver.receive_private(data, user) }
    end
  end
end
