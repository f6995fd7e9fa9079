# What other pods ask and send. Without sessions, as diaspora*'s federation engine is.
class FederationController < ActionController::Base
  skip_forgery_protection

  def webfinger
    return head(:bad_request) unless params[:resource]

    person = Person.find_local(diaspora_handle: params[:resource].delete_prefix("acct:").downcase)
    return head(:not_found) unless person

    response.set_header("Access-Control-Allow-Origin", "*")
    render body: JSON.pretty_generate(WebFinger.of(person)), content_type: "application/jrd+json; charset=utf-8"
  end

  def hcard
    @person = Person.find_local(guid: params[:guid])
    @person ? render(layout: false) : head(:not_found)
  end

  def fetch
    post = Post.find_by(guid: params[:guid], public: true) if params[:type] == "post"
    return head(:not_found) unless post
    return redirect_to(post.author.url_to(request.path), allow_other_host: true) if post.author.remote?

    payload = Diaspora::Federation::Entities.build(post).to_xml
    envelope = DiasporaFederation::Salmon::MagicEnvelope.new(payload, post.author.diaspora_handle)
    render body: envelope.envelop(post.author.owner.encryption_key),
           content_type: "application/magic-envelope+xml; charset=utf-8"
  end

  # Always accepted: that says nothing about whether it will be believed.
  def receive_public
    Workers::ReceivePublic.perform_async(message)
    head :accepted
  end

  def receive_private
    person = Person.find_local(guid: params[:guid])
    return head(:not_found) unless person

    Workers::ReceivePrivate.perform_async(person.owner_id, message)
    head :accepted
  end

  private

  def message = request.raw_post.force_encoding(Encoding::UTF_8).scrub
end
