# NodeInfo, and the statistics page that says the same to people.
class NodeInfoController < ApplicationController
  skip_forgery_protection
  before_action(only: %i[jrd document]) { response.set_header("Access-Control-Allow-Origin", "*") }

  def jrd
    links = NodeInfo::VERSIONS.map do |version|
      {rel: NodeInfo.schema(version), href: AppConfig.url_to("/nodeinfo/#{version}")}
    end
    render json: {links: links}
  end

  def document
    version = params[:version]
    return head(:not_found) unless NodeInfo::VERSIONS.include?(version)

    type = "application/json; profile=#{NodeInfo.schema(version)}#; charset=utf-8"
    render body: NodeInfo.document(version).to_json, content_type: type
  end

  def statistics
    respond_to do |format|
      format.html { @document = NodeInfo.document("2.1") }
      format.any { head :not_acceptable }
    end
  end
end
