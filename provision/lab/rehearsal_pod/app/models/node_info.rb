# What the pod says of itself to the network, version by version. Counts are absent unless the
# podmin publishes them.
module NodeInfo
  VERSIONS = %w[1.0 2.0 2.1].freeze
  REPOSITORY = "https://github.com/diaspora/diaspora"
  HOMEPAGE = "https://diasporafoundation.org/"

  def self.schema(version) = "http://nodeinfo.diaspora.software/ns/schema/#{version}"

  def self.document(version)
    {
      version:           version,
      software:          software(version),
      protocols:         version == "1.0" ? {inbound: %w[diaspora], outbound: %w[diaspora]} : %w[diaspora],
      services:          {inbound: [], outbound: []},
      openRegistrations: AppConfig.settings.enable_registrations?,
      usage:             usage,
      metadata:          metadata
    }
  end

  def self.software(version)
    software = {name: "diaspora", version: AppConfig.version_string}
    software.merge!(repository: REPOSITORY, homepage: HOMEPAGE) if version == "2.1"
    software
  end

  def self.usage
    counts = AppConfig.privacy.statistics
    usage = {users: counts.user_counts? ? user_counts : {}}
    usage[:localPosts] = local_posts.count if counts.post_counts?
    usage[:localComments] = local_comments.count if counts.comment_counts?
    usage
  end

  def self.user_counts
    accounts = User.joins(:person).where(people: {closed_account: false})
    {
      total:          accounts.count,
      activeHalfyear: accounts.where("last_seen > ?", 6.months.ago).count,
      activeMonth:    accounts.where("last_seen > ?", 1.month.ago).count
    }
  end

  def self.local_posts = StatusMessage.joins(:author).where.not(people: {owner_id: nil})
  def self.local_comments = Comment.joins(:author).where.not(people: {owner_id: nil})

  def self.metadata
    camo = AppConfig.privacy.camo
    {
      nodeName: AppConfig.settings.pod_name.to_s,
      camo:     {
        markdown:   camo.proxy_markdown_images?,
        opengraph:  camo.proxy_opengraph_thumbnails?,
        remotePods: camo.proxy_remote_pod_images?
      }
    }.tap {|data| data[:adminAccount] = AppConfig.admins.account.get if AppConfig.admins.account? }
  end

  private_class_method :software, :usage, :user_counts, :local_posts, :local_comments, :metadata
end
