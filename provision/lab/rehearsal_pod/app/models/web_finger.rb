# Where everything about a person is.
module WebFinger
  def self.of(person)
    {
      subject: "acct:#{person.diaspora_handle}",
      aliases: [person.url_to("/people/#{person.guid}")],
      links:   links(person)
    }
  end

  def self.links(person)
    [
      html("http://microformats.org/profile/hcard", person.url_to("/hcard/users/#{person.guid}")),
      html("http://joindiaspora.com/seed_location", AppConfig.pod_uri.to_s),
      html("http://webfinger.net/rel/profile-page", person.profile_url),
      {rel: "http://schemas.google.com/g/2010#updates-from", type: "application/atom+xml",
       href: "#{person.atom_url}.atom"},
      {rel: "salmon", href: person.receive_url},
      {rel: "http://ostatus.org/schema/1.0/subscribe", template: "#{AppConfig.url_to('/people')}?q={uri}"},
      {rel: "http://openid.net/specs/connect/1.0/issuer", href: AppConfig.pod_uri.to_s}
    ]
  end

  def self.html(rel, href) = {rel: rel, type: "text/html", href: href}

  private_class_method :links, :html
end
