# Who the token's user is.
module Api
  module OpenidConnect
    class UserInfoController < Api::V1::BaseController
      needs "openid", only: :show

      def show
        person = current_user.person
        render json: {sub: person.guid, nickname: person.username, name: person.name, profile: person.profile_url}
      end
    end
  end
end
